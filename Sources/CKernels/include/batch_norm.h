#ifndef BATCH_NORM_H
#define BATCH_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Batch normalisation of one block of channels. Maps are [count][16], sums [2][16] of each channel. */

/* sums[0] = sum of x, sums[1] = sum of x^2. */
void rt_batch_norm_moments(double *sums, const float *in, size_t count);
/* out = scale in + shift (+ residual), then a ReLU up to `ceiling`, unless that is 0.
     scale, shift   [16]
     mask           [count]: the ReLU mask, written if it is wanted */
void rt_batch_norm_apply(float *out, const float *in, const float *scale, const float *shift,
                         const float *_Nullable residual, float ceiling, uint16_t *_Nullable mask, size_t count);
/* sums[0] = sum of g, sums[1] = sum of g (x - mean).
     mean   [16] */
void rt_batch_norm_gradient_sums(double *sums, const float *gradient, const float *in, const float *mean, size_t count);
/* out = factors[0] g + factors[1] x + factors[2]; `out` may be either of g and x.
     factors   [3][16] */
void rt_batch_norm_gradient(float *out, const float *gradient, const float *in, const float *factors, size_t count);

#pragma clang assume_nonnull end

#endif
