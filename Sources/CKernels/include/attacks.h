#ifndef ATTACKS_H
#define ATTACKS_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/* Steps of attacks on images in 0...1. Arrays are [count]. */

/* x += (1 - inertia) (z - x) + inertia (x - previous), where previous becomes what x was. */
void rt_blend_momentum(float *x, float *previous, const float *z, float inertia, size_t count);

typedef struct rt_gain {
  double gain, slope; /* slope: by the length */
} rt_gain;

/* What w.x gains, times the sign, while each value of x in 0...1 goes by length |w|, or, if uniform, by the length, in
   the direction in which this gains, but no further than to 0 or 1. */
rt_gain rt_gain_in_box(const float *x, const float *w, float sign, bool uniform, double length, size_t count);
/* How far each value goes then. */
void rt_step_in_box(float *step, const float *x, const float *w, float sign, bool uniform, double length, size_t count);

#pragma clang assume_nonnull end

#endif
