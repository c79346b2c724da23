#ifndef FINISH_H
#define FINISH_H

#include "kernels.h"

/* Writes `count` finished values of one row, from out[at] on. */
static inline __attribute__((always_inline)) void finish_row(float *restrict all, size_t at,
                                                             const float *restrict sums, float bias,
                                                             const rt_finish *finish, size_t count) {
  const float low = finish->relu ? 0 : -__builtin_inff();
  const float *restrict residual = finish->residual, *restrict mask = finish->mask;
  float *restrict out = all + at;
  if (mask) {
    mask += at;
    if (finish->accumulate) {
      for (size_t i = 0; i < count; i++) out[i] = mask[i] > 0 ? out[i] + sums[i] : 0;
    } else {
      for (size_t i = 0; i < count; i++) out[i] = mask[i] > 0 ? sums[i] : 0;
    }
  } else if (finish->accumulate) {
    for (size_t i = 0; i < count; i++) out[i] += sums[i];
  } else if (residual) {
    residual += at;
    for (size_t i = 0; i < count; i++) {
      const float value = sums[i] + bias + residual[i];
      out[i] = value < low ? low : value;
    }
  } else {
    for (size_t i = 0; i < count; i++) {
      const float value = sums[i] + bias;
      out[i] = value < low ? low : value;
    }
  }
}

#endif
