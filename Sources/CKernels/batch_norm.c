#include "clones.h"
#include "kernels.h"
#include "relu_mask.h"
#include "vec16.h"

/* Positions whose sums are made in floats; the sums of these are made in doubles. */
enum { RUN = 256 };

typedef double wide __attribute__((vector_size(128), aligned(8)));

INLINE void add_to(double *sums, const vec16 partial[2]) {
  *(wide *)sums += __builtin_convertvector(partial[0] + partial[1], wide);
}

CLONES WIDE void rt_batch_norm_moments(double *sums, const float *in, size_t count) {
  for (size_t c = 0; c < 2 * VEC16; c++) sums[c] = 0;
  /* About the first position, so that little is lost where the mean is far from 0. */
  const vec16 origin = *(const vec16 *)in;
  for (size_t first = 0; first < count; first += RUN) {
    const size_t end = count - first < RUN ? count : first + RUN;
    vec16 sum[2] = {0}, square[2] = {0};
    size_t i = first;
    for (; i + 2 <= end; i += 2)
      for (size_t k = 0; k < 2; k++) {
        const vec16 x = *(const vec16 *)(in + (i + k) * VEC16) - origin;
        sum[k] += x;
        square[k] += x * x;
      }
    for (; i < end; i++) {
      const vec16 x = *(const vec16 *)(in + i * VEC16) - origin;
      sum[0] += x;
      square[0] += x * x;
    }
    add_to(sums, sum);
    add_to(sums + VEC16, square);
  }
  /* Moved back to 0. */
  for (size_t c = 0; c < VEC16; c++) {
    const double o = (double)origin[c], n = (double)count, sum = sums[c];
    sums[c] = sum + n * o;
    sums[VEC16 + c] += 2 * o * sum + n * o * o;
  }
}

CLONES WIDE void rt_batch_norm_apply(float *restrict out, const float *restrict in, const float *scale,
                                     const float *shift, const float *restrict residual, float ceiling,
                                     uint16_t *restrict mask, size_t count) {
  const vec16 factor = *(const vec16 *)scale, offset = *(const vec16 *)shift;
  for (size_t i = 0; i < count; i++) {
    vec16 value = *(const vec16 *)(in + i * VEC16) * factor + offset;
    if (residual) value += *(const vec16 *)(residual + i * VEC16);
    if (ceiling > 0) clip16(&value, ceiling, mask ? mask + i : NULL);
    *(vec16 *)(out + i * VEC16) = value;
  }
}

CLONES WIDE void rt_batch_norm_gradient_sums(double *sums, const float *restrict gradient, const float *restrict in,
                                             const float *mean, size_t count) {
  for (size_t c = 0; c < 2 * VEC16; c++) sums[c] = 0;
  const vec16 origin = *(const vec16 *)mean;
  for (size_t first = 0; first < count; first += RUN) {
    const size_t end = count - first < RUN ? count : first + RUN;
    vec16 sum[2] = {0}, product[2] = {0};
    size_t i = first;
    for (; i + 2 <= end; i += 2)
      for (size_t k = 0; k < 2; k++) {
        const vec16 g = *(const vec16 *)(gradient + (i + k) * VEC16);
        sum[k] += g;
        product[k] += g * (*(const vec16 *)(in + (i + k) * VEC16) - origin);
      }
    for (; i < end; i++) {
      const vec16 g = *(const vec16 *)(gradient + i * VEC16);
      sum[0] += g;
      product[0] += g * (*(const vec16 *)(in + i * VEC16) - origin);
    }
    add_to(sums, sum);
    add_to(sums + VEC16, product);
  }
}

CLONES WIDE void rt_batch_norm_gradient(float *out, const float *gradient, const float *in, const float *factors,
                                        size_t count) {
  const vec16 a = *(const vec16 *)factors, b = *(const vec16 *)(factors + VEC16),
              c = *(const vec16 *)(factors + 2 * VEC16);
  for (size_t i = 0; i < count; i++)
    *(vec16 *)(out + i * VEC16) =
        a * *(const vec16 *)(gradient + i * VEC16) + b * *(const vec16 *)(in + i * VEC16) + c;
}
