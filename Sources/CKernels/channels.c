#include "clones.h"
#include "kernels.h"
#include "vec16.h"

/* Whether the 16 channels lie side by side, in their order. */
static bool are_consecutive(const float *const *sources) {
  for (size_t c = 1; c < VEC16; c++)
    if (!sources[0] || sources[c] != sources[0] + c) return false;
  return true;
}

CLONES WIDE void rt_gather_channels(float *out, const float *const *sources, size_t first, size_t count) {
  const size_t start = first * VEC16;
  if (are_consecutive(sources)) {
    for (size_t i = 0; i < count; i++) *(vec16 *)(out + i * VEC16) = *(const vec16 *)(sources[0] + start + i * VEC16);
    return;
  }
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < VEC16; c++) out[i * VEC16 + c] = sources[c] ? sources[c][start + i * VEC16] : 0;
}

CLONES WIDE void rt_scatter_channels(float *const *targets, const float *in, size_t first, size_t count) {
  const size_t start = first * VEC16;
  if (are_consecutive((const float *const *)targets)) {
    for (size_t i = 0; i < count; i++) *(vec16 *)(targets[0] + start + i * VEC16) += *(const vec16 *)(in + i * VEC16);
    return;
  }
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < VEC16; c++)
      if (targets[c]) targets[c][start + i * VEC16] += in[i * VEC16 + c];
}

CLONES WIDE void rt_gate(float *out, const float *a, const float *b, bool add, size_t count) {
  const vec16 gate = *(const vec16 *)b;
  for (size_t i = 0; i < count; i++) {
    const vec16 value = *(const vec16 *)(a + i * VEC16) * gate;
    vec16 *to = (vec16 *)(out + i * VEC16);
    *to = add ? *to + value : value;
  }
}

CLONES WIDE void rt_add_products(float *sums, const float *a, const float *b, size_t count) {
  double partial[VEC16] = {0};
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < VEC16; c++) partial[c] += (double)a[i * VEC16 + c] * b[i * VEC16 + c];
  for (size_t c = 0; c < VEC16; c++) sums[c] += (float)partial[c];
}

CLONES void rt_product(float *out, const float *a, const float *b, bool add, size_t count) {
  if (add)
    for (size_t i = 0; i < count; i++) out[i] += a[i] * b[i];
  else
    for (size_t i = 0; i < count; i++) out[i] = a[i] * b[i];
}
