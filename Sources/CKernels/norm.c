#include "clones.h"
#include "kernels.h"
#include "signs.h"
#include "transpose.h"

/* Sums of so many positions are made in floats, and those in doubles. */
enum { RUN = 256 };

typedef double wide __attribute__((vector_size(128), aligned(8)));

INLINE void add_to(double *sums, const lanes made[2]) {
  *(wide *)sums += __builtin_convertvector(made[0] + made[1], wide);
}

CLONES WIDE void rt_norm_moments(double *sums, const float *in, size_t count) {
  for (size_t c = 0; c < 2 * LANES; c++) sums[c] = 0;
  /* About the first position, so that little is lost where the mean is far from 0. */
  const lanes origin = *(const lanes *)in;
  for (size_t first = 0; first < count; first += RUN) {
    const size_t end = count - first < RUN ? count : first + RUN;
    lanes sum[2] = {0}, square[2] = {0};
    size_t i = first;
    for (; i + 2 <= end; i += 2)
      for (size_t k = 0; k < 2; k++) {
        const lanes x = *(const lanes *)(in + (i + k) * LANES) - origin;
        sum[k] += x;
        square[k] += x * x;
      }
    for (; i < end; i++) {
      const lanes x = *(const lanes *)(in + i * LANES) - origin;
      sum[0] += x;
      square[0] += x * x;
    }
    add_to(sums, sum);
    add_to(sums + LANES, square);
  }
  /* Moved back to 0. */
  for (size_t c = 0; c < LANES; c++) {
    const double o = (double)origin[c], n = (double)count, sum = sums[c];
    sums[c] = sum + n * o;
    sums[LANES + c] += 2 * o * sum + n * o * o;
  }
}

CLONES WIDE void rt_norm_apply(float *restrict out, const float *restrict in, const float *scale, const float *shift,
                               const float *restrict residual, bool relu, uint16_t *restrict positive,
                               size_t count) {
  const lanes factor = *(const lanes *)scale, offset = *(const lanes *)shift;
  for (size_t i = 0; i < count; i++) {
    lanes value = *(const lanes *)(in + i * LANES) * factor + offset;
    if (residual) value += *(const lanes *)(residual + i * LANES);
    if (relu) rectify(&value);
    if (positive) positive[i] = positive_lanes(&value);
    *(lanes *)(out + i * LANES) = value;
  }
}

CLONES WIDE void rt_norm_gradient_sums(double *sums, const float *restrict gradient, const float *restrict in,
                                       const float *mean, size_t count) {
  for (size_t c = 0; c < 2 * LANES; c++) sums[c] = 0;
  const lanes origin = *(const lanes *)mean;
  for (size_t first = 0; first < count; first += RUN) {
    const size_t end = count - first < RUN ? count : first + RUN;
    lanes sum[2] = {0}, product[2] = {0};
    size_t i = first;
    for (; i + 2 <= end; i += 2)
      for (size_t k = 0; k < 2; k++) {
        const lanes g = *(const lanes *)(gradient + (i + k) * LANES);
        sum[k] += g;
        product[k] += g * (*(const lanes *)(in + (i + k) * LANES) - origin);
      }
    for (; i < end; i++) {
      const lanes g = *(const lanes *)(gradient + i * LANES);
      sum[0] += g;
      product[0] += g * (*(const lanes *)(in + i * LANES) - origin);
    }
    add_to(sums, sum);
    add_to(sums + LANES, product);
  }
}

CLONES WIDE void rt_norm_gradient(float *out, const float *gradient, const float *in, const float *factors,
                                  size_t count) {
  const lanes a = *(const lanes *)factors, b = *(const lanes *)(factors + LANES),
              c = *(const lanes *)(factors + 2 * LANES);
  for (size_t i = 0; i < count; i++)
    *(lanes *)(out + i * LANES) =
        a * *(const lanes *)(gradient + i * LANES) + b * *(const lanes *)(in + i * LANES) + c;
}
