#ifndef VNNI_H
#define VNNI_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "bf16.h"

/* Words of two bfloat16, stored as floats: RT_BF16 of the float kernels. */

/* Writes words of two vectors rounded to bfloat16, `low` in the low halves and `high` in the high ones. */
INLINE void write_bf16_pairs(float *out, const vec16 *low, const vec16 *high) {
  write_bf16_slices((uint32_t *)out, 0, low, high, 1);
}

static inline float bf16_half(float pair, int high) {
  uint32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  bits = high ? bits & 0xffff0000 : bits << 16;
  memcpy(&pair, &bits, sizeof pair);
  return pair;
}

/* sum += x factor, where `x` is a register of `WIDTH` floats and `factor` the same for all of them; or of words of two
   bfloat16, whose two products are added. */
#define ADD_F32(WIDTH, sum, x, factor) sum += (factor) * (x)
#define ADD_BF16(WIDTH, sum, x, factor)                                                          \
  {                                                                                              \
    typedef uint32_t bits __attribute__((vector_size(4 * WIDTH)));                               \
    sum += bf16_half(factor, 0) * (vector)((bits)(x) << 16);                                     \
    sum += bf16_half(factor, 1) * (vector)((bits)(x) & 0xffff0000);                              \
  }
#define ADD_BF16_AVX512(WIDTH, sum, x, factor) \
  sum = (vector)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(x), (__m512bh)_mm512_set1_ps(factor))

#define AVX512_BF16 __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))

#endif
