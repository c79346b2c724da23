#ifndef CONVOLUTION_H
#define CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

#pragma clang assume_nonnull begin

/* What all algorithms of a convolution share: its weights as they come, its window, and its epilogue. */

/* Rows (output channels) of a row block, in which weights are packed. */
enum { RT_MR = 32 };

/* Floats of a square of packed weights, RT_MR rows by as deep. */
enum { RT_SQUARE = RT_MR * RT_MR };

/* Weights [out][in][row][column] in an array, with strides that may be negative, times a scale of each output or of
   each input. In groups, outputs see the inputs of their own group alone. */
typedef struct rt_weights {
  const float *values;
  ptrdiff_t out_stride, in_stride, row_stride, column_stride, group_stride;
  int32_t first_out, outs, first_in, ins; /* those to pack, counted over all groups */
  int32_t group_outs, group_ins;
  int32_t rows, columns;
  const float *_Nullable out_scale, *_Nullable in_scale; /* over all groups */
} rt_weights;

/* A window of taps that slides over a feature map. At grid position (qy, qx) it reads the map's rows
   qy stride + top + 0..<taps_height and columns qx stride + left + 0..<taps_width, as zeros outside, and writes
   position (qy out_stride + out_y, qx out_stride + out_x) of the output. A convolution has the output as its grid, top
   and left being the negative padding, and an output stride of 1. */
typedef struct rt_window {
  int32_t height, width;           /* of the map */
  int32_t grid_height, grid_width; /* positions of the window */
  int32_t stride, top, left;
  int32_t taps_height, taps_width;
  int32_t out_height, out_width;
  int32_t out_stride, out_y, out_x;
} rt_window;

/* Whether the convolution is pointwise (1x1, stride 1): positions of the grid are positions of the map. */
static inline bool rt_is_pointwise(const rt_window *w) {
  return w->taps_height == 1 && w->taps_width == 1 && w->stride == 1 && w->top == 0 && w->left == 0 &&
         w->grid_height == w->height && w->grid_width == w->width && w->out_stride == 1;
}

/* What is applied to sums before they are written.
     bias       [M], up to whole blocks of 16
     residual   [M/16][positions][16], as the output
     ceiling    of a ReLU, which may be infinite; 0: none
     relu_mask  [M/16][positions], written by the ReLU
     keep       [M/16][positions]: a ReLU mask; the output is 0 where its bits are not set. Excludes all but
                `accumulate` */
typedef struct rt_epilogue {
  const float *_Nullable bias;
  const float *_Nullable residual;
  float ceiling;
  uint16_t *_Nullable relu_mask;
  const uint16_t *_Nullable keep;
  bool accumulate;
} rt_epilogue;

/* The epilogue for the part of the output that begins `floats` floats later. The bias is not moved. */
static inline rt_epilogue rt_epilogue_at(const rt_epilogue *epilogue, size_t floats) {
  rt_epilogue moved = *epilogue;
  if (moved.residual) moved.residual += floats;
  if (moved.relu_mask) moved.relu_mask += floats / RT_BLOCK;
  if (moved.keep) moved.keep += floats / RT_BLOCK;
  return moved;
}

#pragma clang assume_nonnull end

#endif
