#include "kernels.h"

/* The products of COUNT registers of WIDTH floats, each of which depends on that before it. There are enough of them to
   hide how long one takes. */
#define MULTIPLY(NAME, TARGET, WIDTH, COUNT)                                                     \
  TARGET static size_t NAME(size_t repetitions, float factor, float *result) {                  \
    typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4)));                    \
    vector sums[COUNT] = {0};                                                                    \
    const vector factors = (vector){0} + factor;                                                 \
    for (size_t i = 0; i < repetitions; i++)                                                     \
      _Pragma("clang loop unroll(full)") for (size_t k = 0; k < COUNT; k++)                      \
        sums[k] = sums[k] * factors + factors;                                                   \
    vector sum = {0};                                                                            \
    for (size_t k = 0; k < COUNT; k++) sum += sums[k];                                           \
    *result = sum[0];                                                                            \
    return repetitions * COUNT * WIDTH * 2;                                                      \
  }

#if defined(__x86_64__)
MULTIPLY(multiply_v4, __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), 16, 24)
MULTIPLY(multiply_v3, __attribute__((target("arch=x86-64-v3"))), 8, 12)
#endif
MULTIPLY(multiply_plain, , 4, 12)

size_t rt_multiply_in_registers(size_t repetitions, float *result) {
  /* The compiler does not know the factor, so that it leaves nothing out. */
  volatile float factor = 0.5f;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v4")) return multiply_v4(repetitions, factor, result);
  if (__builtin_cpu_supports("x86-64-v3")) return multiply_v3(repetitions, factor, result);
#endif
  return multiply_plain(repetitions, factor, result);
}
