#include "clones.h"
#include "exp16.h"
#include "kernels.h"
#include "vec16.h"

INLINE vec16 sigmoid16(vec16 x) { return 1.0f / (1.0f + exp16(-x)); }
/* From e^(-2|x|), so that nothing overflows; small x by the series, where the quotient would cancel. */
INLINE vec16 tanh16(vec16 x) {
  const vec16 size = (vec16)((ivec16)x & 0x7FFFFFFF), e = exp16(-2.0f * size);
  const vec16 square = x * x;
  const vec16 series = size * (1.0f - square * (1.0f / 3 - square * (2.0f / 15 - square * (17.0f / 315))));
  const vec16 value = select16(size < 0.15f, series, (1.0f - e) / (1.0f + e));
  return (vec16)((ivec16)value | ((ivec16)x & (int32_t)0x80000000));
}

/* The normal distribution function, by the error function of Abramowitz and Stegun, 7.1.26 (to 1.5e-7), and
   e^(-x^2 / 2). */
INLINE vec16 normal_cdf(vec16 x, vec16 *bell) {
  const vec16 z = (vec16)((ivec16)x & 0x7FFFFFFF) * 0.707106781f;
  const vec16 t = 1.0f / (1.0f + 0.3275911f * z);
  *bell = exp16(-z * z);
  const vec16 tail =
      0.5f * *bell * t *
      (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return select16(x < 0, tail, 1.0f - tail);
}

static const float INNER = 0.797884561f, CUBIC = 0.044715f; /* sqrt(2 / pi) */

INLINE vec16 value_of(rt_activation kind, float slope, vec16 x) {
  vec16 bell;
  switch (kind) {
    case RT_SILU: return x * sigmoid16(x);
    case RT_GELU: return x * normal_cdf(x, &bell);
    case RT_GELU_TANH: return 0.5f * x * (1.0f + tanh16(INNER * (x + CUBIC * x * x * x)));
    case RT_SIGMOID: return sigmoid16(x);
    case RT_HARD_SIGMOID: return min16(max16(x * (1.0f / 6) + 0.5f, 0), 1);
    case RT_HARD_SWISH: return x * min16(max16(x * (1.0f / 6) + 0.5f, 0), 1);
    case RT_TANH: return tanh16(x);
    case RT_LEAKY_RELU: return select16(x > 0, x, slope * x);
  }
  return x;
}

INLINE vec16 slope_of(rt_activation kind, float slope, vec16 x) {
  const vec16 zero = {0}, one = zero + 1.0f;
  switch (kind) {
    case RT_SILU: {
      const vec16 s = sigmoid16(x);
      return s * (1.0f + x * (1.0f - s));
    }
    case RT_GELU: {
      vec16 bell;
      const vec16 share = normal_cdf(x, &bell);
      return share + x * bell * 0.398942280f;
    }
    case RT_GELU_TANH: {
      const vec16 t = tanh16(INNER * (x + CUBIC * x * x * x));
      return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * INNER * (1.0f + 3 * CUBIC * x * x);
    }
    case RT_SIGMOID: {
      const vec16 s = sigmoid16(x);
      return s * (1.0f - s);
    }
    case RT_HARD_SIGMOID: return select16((x > -3) & (x < 3), zero + 1.0f / 6, zero);
    case RT_HARD_SWISH: return select16(x > -3, select16(x < 3, x * (1.0f / 3) + 0.5f, one), zero);
    case RT_TANH: {
      const vec16 t = tanh16(x);
      return 1.0f - t * t;
    }
    case RT_LEAKY_RELU: return select16(x > 0, one, zero + slope);
  }
  return one;
}

/* The kind is known in each loop, so that what it needs is made part of it. */
#define EACH_KIND(LOOP)                     \
  switch (kind) {                           \
    case RT_SILU: LOOP(RT_SILU)             \
    case RT_GELU: LOOP(RT_GELU)             \
    case RT_GELU_TANH: LOOP(RT_GELU_TANH)   \
    case RT_SIGMOID: LOOP(RT_SIGMOID)       \
    case RT_HARD_SIGMOID: LOOP(RT_HARD_SIGMOID) \
    case RT_HARD_SWISH: LOOP(RT_HARD_SWISH) \
    case RT_TANH: LOOP(RT_TANH)             \
    case RT_LEAKY_RELU: LOOP(RT_LEAKY_RELU) \
  }

CLONES WIDE void rt_activate(rt_activation kind, float slope, float *out, const float *in, size_t count) {
  vec16 *to = (vec16 *)out;
  const vec16 *from = (const vec16 *)in;
#define LOOP(KIND)                                                                \
  for (size_t i = 0; i < count; i++) to[i] = value_of(KIND, slope, from[i]);      \
  break;
  EACH_KIND(LOOP)
#undef LOOP
}

CLONES WIDE void rt_activation_gradient(rt_activation kind, float slope, float *gradient_in, const float *gradient_out,
                                        const float *in, bool add, size_t count) {
  vec16 *to = (vec16 *)gradient_in;
  const vec16 *from = (const vec16 *)in, *gradient = (const vec16 *)gradient_out;
#define LOOP(KIND)                                                  \
  for (size_t i = 0; i < count; i++) {                              \
    const vec16 own = slope_of(KIND, slope, from[i]) * gradient[i]; \
    to[i] = add ? to[i] + own : own;                                \
  }                                                                 \
  break;
  EACH_KIND(LOOP)
#undef LOOP
}
