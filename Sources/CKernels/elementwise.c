#include <string.h>

#include "clones.h"
#include "kernels.h"

CLONES void rt_fill(float *out, float value, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = value;
}

void rt_copy(float *out, const float *in, size_t count) { memcpy(out, in, count * sizeof *out); }

CLONES void rt_add(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

CLONES void rt_add_scaled(float *restrict y, const float *restrict x, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += scale * x[i];
}

CLONES void rt_multiply(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

CLONES void rt_scale(float *x, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] *= scale;
}

CLONES void rt_weight_about(float *restrict out, const float *restrict x, const float *restrict weights, float mean,
                            size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = weights[i] * (x[i] - mean);
}

CLONES void rt_add_weighted(float *restrict y, const float *restrict weights, const float *restrict x, float slope,
                            float offset, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += weights[i] * (slope * x[i] + offset);
}

CLONES void rt_subtract_ratio(float *restrict y, const float *restrict x, const float *restrict weights, float least,
                              size_t count) {
  for (size_t i = 0; i < count; i++) y[i] -= x[i] / (weights[i] > least ? weights[i] : least);
}

CLONES void rt_weighted_sum(float *restrict out, const float *restrict base, const int64_t *restrict offsets,
                            const float *restrict factors, size_t factor_count, size_t count) {
  /* As many sums as the registers hold. */
  enum { BLOCK = 64 };
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    float sums[BLOCK] = {0};
    for (size_t k = 0; k < factor_count; k++) {
      const float *from = base + offsets[k] + (ptrdiff_t)i;
      for (size_t j = 0; j < BLOCK; j++) sums[j] += factors[k] * from[j];
    }
    for (size_t j = 0; j < BLOCK; j++) out[i + j] = sums[j];
  }
  for (; i < count; i++) {
    float sum = 0;
    for (size_t k = 0; k < factor_count; k++) sum += factors[k] * base[offsets[k] + (ptrdiff_t)i];
    out[i] = sum;
  }
}

void rt_add_strided(float *restrict y, size_t stride, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i * stride] += x[i];
}
