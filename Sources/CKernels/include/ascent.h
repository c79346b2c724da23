#ifndef ASCENT_H
#define ASCENT_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Steps and constraints of the ascent. Arrays are [count]. */

/* mean = d1 mean + (1 - d1) g; square = d2 square + (1 - d2) g^2; x -= step mean / (sqrt(square unbias) + 1e-8) */
void rt_step_adam(float *x, const float *gradient, float *mean, float *square, float mean_decay, float square_decay,
                  float step, float unbias, size_t count);
void rt_step_sign(float *x, const float *gradient, float step, size_t count); /* x -= step sign(gradient) */

void rt_clamp(float *x, float low, float high, size_t count);
void rt_clamp_around(float *x, const float *centre, float radius, size_t count); /* |x - centre| <= radius */
void rt_scale_around(float *x, const float *centre, float scale, size_t count);  /* x = centre + scale (x - centre) */
void rt_restore(float *x, const float *start, const float *free, size_t count);  /* x = start where free is 0 */

/* Takes away a share of what is not grey of planes [3][count]. */
void rt_damp_chroma(float *planes, float share, size_t count);
/* Returns the sum over the pixels of region * sqrt(dx^2 + dy^2 + 1e-6), and adds `scale` times its gradient.
     planes, gradient   [3][height][width]
     region             [height][width]; none: 1 */
double rt_total_variation(const float *planes, const float *_Nullable region, int32_t height, int32_t width,
                          float scale, float *_Nullable gradient);

#pragma clang assume_nonnull end

#endif
