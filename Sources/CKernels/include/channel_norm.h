#ifndef CHANNEL_NORM_H
#define CHANNEL_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Functions of all channels of a position. Maps are [C/16][positions][16], blocks `block_stride` floats apart;
   `count` positions are worked on. */

/* out = weight (in - m) / sqrt(v + epsilon) + bias, m and v being mean and variance of the channels.
     weight, bias   [C/16][16] */
void rt_channel_norm(float *out, const float *in, size_t block_stride, size_t channels, const float *weight,
                     const float *bias, float epsilon, size_t count);
/* The gradient by `in`, which is added if `add`. */
void rt_channel_norm_gradient(float *gradient_in, const float *gradient_out, const float *in, size_t block_stride,
                              size_t channels, const float *weight, float epsilon, bool add, size_t count);

/* out = e^in / sum of e^in over the channels. */
void rt_softmax(float *out, size_t out_stride, const float *in, size_t block_stride, size_t channels, size_t count);
/* The gradient by the input, which is added if `add`.
     value   what rt_softmax gave, blocks `value_stride` floats apart */
void rt_softmax_gradient(float *gradient_in, const float *gradient_out, size_t block_stride, const float *value,
                         size_t value_stride, size_t channels, bool add, size_t count);

#pragma clang assume_nonnull end

#endif
