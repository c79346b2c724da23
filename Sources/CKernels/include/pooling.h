#ifndef POOLING_H
#define POOLING_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Pooling of one block of channels. */

/* A window that slides over maps of one block of channels, and reads nothing outside of them. */
typedef struct rt_pool {
  size_t images;
  int32_t height, width;         /* of the map */
  int32_t out_height, out_width; /* positions of the window */
  int32_t size_y, size_x, stride_y, stride_x, top, left; /* top and left: the padding */
} rt_pool;

/* The largest value of each window.
     out   [images][out_height][out_width][16]
     in    [images][height][width][16] */
void rt_max_pool(float *out, const float *in, const rt_pool *pool);
/* Adds the gradient of each window to where its first maximum was.
     gradient_in    [images][height][width][16], as `in`
     gradient_out   [images][out_height][out_width][16] */
void rt_max_pool_gradient(float *gradient_in, const float *gradient_out, const float *in, const rt_pool *pool);

/* The rows, or columns, that a window covers, and 1 by how many it is divided. */
typedef struct rt_span {
  int32_t first, end;
  float share;
} rt_span;

/* out = the sum over each window times its shares.
     rows      [out_height]
     columns   [out_width] */
void rt_average_pool(float *out, const float *in, const rt_pool *pool, const rt_span *rows, const rt_span *columns);
/* Adds the gradient to all that each window covers. */
void rt_average_pool_gradient(float *gradient_in, const float *gradient_out, const rt_pool *pool, const rt_span *rows,
                              const rt_span *columns);

/* The mean of each channel, summed in double precision.
     out   [16]
     in    [count][16] */
void rt_mean_pool(float *out, const float *in, size_t count);
/* gradient_in += gradient_out / count.
     gradient_in    [count][16]
     gradient_out   [16] */
void rt_mean_pool_gradient(float *gradient_in, const float *gradient_out, size_t count);

#pragma clang assume_nonnull end

#endif
