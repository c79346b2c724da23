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

CLONES void rt_relu(float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = y[i] < 0 ? 0 : y[i];
}

CLONES void rt_mask(float *restrict gradient, const float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) gradient[i] = y[i] > 0 ? gradient[i] : 0;
}

CLONES void rt_affine(float *restrict out, const float *restrict in, float scale, float shift, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = in[i] * scale + shift;
}

CLONES void rt_add_scaled(float *restrict y, const float *restrict x, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += scale * x[i];
}

CLONES void rt_multiply(float *restrict y, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

CLONES void rt_add_constant(float *y, float value, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += value;
}
