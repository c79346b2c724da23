#include "clones.h"
#include "kernels.h"

/* Sixteen partial sums in double, so that the compiler may vectorise and the order is the same on every CPU. */
enum { LANES = 16 };

#define REDUCTION(TERM)                                                        \
  double lane[LANES] = {0};                                                    \
  size_t whole = count - count % LANES;                                        \
  for (size_t i = 0; i < whole; i += LANES)                                    \
    for (size_t k = 0; k < LANES; k++) lane[k] += TERM(i + k);                 \
  for (size_t i = whole; i < count; i++) lane[i - whole] += TERM(i);           \
  for (size_t half = LANES / 2; half > 0; half /= 2)                           \
    for (size_t k = 0; k < half; k++) lane[k] += lane[k + half];               \
  return lane[0];

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
