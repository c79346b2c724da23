#ifndef FINISH_H
#define FINISH_H

#include "kernels.h"

/* Writes `count` finished values of one row. */
static inline __attribute__((always_inline)) void finish_row(float *restrict out, const float *restrict sums,
                                                             const float *restrict residual, float bias,
                                                             const rt_finish *finish, size_t count) {
  const float low = finish->relu ? 0 : -__builtin_inff();
  if (finish->accumulate) {
    for (size_t i = 0; i < count; i++) out[i] += sums[i];
  } else if (residual) {
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
