#ifndef DEPTHWISE_H
#define DEPTHWISE_H

#include <stddef.h>
#include <stdint.h>

#include "convolution.h"

#pragma clang assume_nonnull begin

/* Depthwise convolution of one block of channels: each channel has a window of its own.
     out          [images][out_height][out_width][16], rows first..<end of all images, counted over them
     in           [images][height][width][16]
     weights      [taps][16]
     window       taps read as zeros outside of the map; its output stride is 1
     epilogue     of this block; its bias is [16] */
void rt_depthwise(float *out, const float *in, const float *weights, const rt_window *window, int32_t first,
                  int32_t end, const rt_epilogue *epilogue);

/* The gradient by the input, rows first..<end of the map over all images; `keep` and `accumulate` of the epilogue are
   heeded.
     gradient_in    as `in`
     gradient_out   as `out` */
void rt_depthwise_gradient(float *gradient_in, const float *gradient_out, const float *weights,
                           const rt_window *window, int32_t first, int32_t end, const rt_epilogue *epilogue);

#pragma clang assume_nonnull end

#endif
