#include "clones.h"
#include "kernels.h"

/* Partial sums, so that the compiler may vectorise and the order is the same on every CPU. */
enum { PARTIAL_SUMS = 16 };

#define REDUCTION(TERM)                                                               \
  double partial[PARTIAL_SUMS] = {0};                                                 \
  size_t whole = count - count % PARTIAL_SUMS;                                        \
  for (size_t i = 0; i < whole; i += PARTIAL_SUMS)                                    \
    for (size_t k = 0; k < PARTIAL_SUMS; k++) partial[k] += TERM(i + k);              \
  for (size_t i = whole; i < count; i++) partial[i - whole] += TERM(i);               \
  for (size_t half = PARTIAL_SUMS / 2; half > 0; half /= 2)                           \
    for (size_t k = 0; k < half; k++) partial[k] += partial[k + half];                \
  return partial[0];

CLONES double rt_sum_squares(const float *x, size_t count) {
#define TERM(i) (double)x[i] * x[i]
  REDUCTION(TERM)
#undef TERM
}

CLONES double rt_dot(const float *x, const float *y, size_t count) {
#define TERM(i) (double)x[i] * y[i]
  REDUCTION(TERM)
#undef TERM
}

CLONES double rt_squared_distance(const float *x, const float *y, size_t count) {
#define TERM(i) ((double)x[i] - y[i]) * ((double)x[i] - y[i])
  REDUCTION(TERM)
#undef TERM
}

CLONES double rt_weighted_squares(const float *x, const float *weights, double mean, size_t count) {
#define TERM(i) weights[i] * (((double)x[i] - mean) * ((double)x[i] - mean))
  REDUCTION(TERM)
#undef TERM
}

CLONES float rt_max_abs(const float *x, size_t count) {
  float partial[PARTIAL_SUMS] = {0};
  const size_t whole = count - count % PARTIAL_SUMS;
  for (size_t i = 0; i < whole; i += PARTIAL_SUMS)
    for (size_t k = 0; k < PARTIAL_SUMS; k++) {
      const float size = __builtin_fabsf(x[i + k]);
      partial[k] = size > partial[k] ? size : partial[k];
    }
  float largest = 0;
  for (size_t i = whole; i < count; i++) {
    const float size = __builtin_fabsf(x[i]);
    largest = size > largest ? size : largest;
  }
  for (size_t k = 0; k < PARTIAL_SUMS; k++) largest = partial[k] > largest ? partial[k] : largest;
  return largest;
}

CLONES float rt_max_abs_difference(const float *x, const float *y, size_t count) {
  float partial[PARTIAL_SUMS] = {0};
  const size_t whole = count - count % PARTIAL_SUMS;
  for (size_t i = 0; i < whole; i += PARTIAL_SUMS)
    for (size_t k = 0; k < PARTIAL_SUMS; k++) {
      const float size = __builtin_fabsf(x[i + k] - y[i + k]);
      partial[k] = size > partial[k] ? size : partial[k];
    }
  float largest = 0;
  for (size_t i = whole; i < count; i++) {
    const float size = __builtin_fabsf(x[i] - y[i]);
    largest = size > largest ? size : largest;
  }
  for (size_t k = 0; k < PARTIAL_SUMS; k++) largest = partial[k] > largest ? partial[k] : largest;
  return largest;
}
