#ifndef TRAINING_H
#define TRAINING_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Steps of training. Arrays are [count]. */

/* SGD with Nesterov momentum: g = gradient + decay x; velocity = momentum velocity + g;
   x -= step (g + momentum velocity). */
void rt_step_nesterov(float *x, float *velocity, const float *gradient, float step, float momentum, float decay,
                      size_t count);
/* A running average: y = kept y + (1 - kept) x. */
void rt_blend(float *y, const float *x, float kept, size_t count);

/* Normal numbers of mean 0 and deviation 1 (Box, Muller 1958) from Philox4x32-10, to about 1e-6. */
void rt_normal_noise(float *out, uint64_t seed, uint64_t stream, size_t count);
/* Uniform numbers in -1..<1 from Philox4x32-10. */
void rt_uniform_noise(float *out, uint64_t seed, uint64_t stream, size_t count);

#pragma clang assume_nonnull end

#endif
