#ifndef POOLING_H
#define POOLING_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Pooling of one block of channels. */

/* The largest value of each window.
     out   [images][out_height][out_width][16]
     in    [images][height][width][16] */
void rt_max_pool(float *out, const float *in, size_t images, int32_t height, int32_t width, int32_t out_height,
                 int32_t out_width, int32_t size, int32_t stride, int32_t pad);
/* Adds the gradient of each window to where its first maximum was.
     gradient_in    [images][height][width][16], as `in`
     gradient_out   [images][out_height][out_width][16] */
void rt_max_pool_gradient(float *gradient_in, const float *gradient_out, const float *in, size_t images, int32_t height,
                          int32_t width, int32_t out_height, int32_t out_width, int32_t size, int32_t stride,
                          int32_t pad);

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
