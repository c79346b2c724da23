#ifndef PAIRS_H
#define PAIRS_H

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "transpose.h"

/* Words of two bfloat16, which lie in floats. */
typedef uint32_t pair_words __attribute__((vector_size(64), aligned(4)));

/* Writes two vectors, rounded: of the first in the low half of each word, of the second in the high one. */
static inline __attribute__((always_inline)) void write_pairs(float *out, const lanes *low, const lanes *high) {
  const pair_words l = (pair_words)*low + 0x8000, h = (pair_words)*high + 0x8000;
  *(lanes *)out = (lanes)(l >> 16 | (h & 0xffff0000));
}

static inline float pair_half(float pair, int high) {
  uint32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  bits = high ? bits & 0xffff0000 : bits << 16;
  memcpy(&pair, &bits, sizeof pair);
  return pair;
}

/* How `x`, a register of `WIDTH` lanes, times `factor`, which is the same for all lanes, is added to `sum`: of floats, or of
   pairs, whose two products are added. */
#define ADD_FLOATS(WIDTH, sum, x, factor) sum += (factor) * (x)
#define ADD_PAIRS(WIDTH, sum, x, factor)                                                         \
  {                                                                                              \
    typedef uint32_t bits __attribute__((vector_size(4 * WIDTH)));                               \
    sum += pair_half(factor, 0) * (vector)((bits)(x) << 16);                                     \
    sum += pair_half(factor, 1) * (vector)((bits)(x) & 0xffff0000);                              \
  }
#define ADD_PAIRS_BY_UNIT(WIDTH, sum, x, factor) \
  sum = (vector)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)(x), (__m512bh)_mm512_set1_ps(factor))

#define BFLOAT_UNIT __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))

#endif
