#ifndef BF16_H
#define BF16_H

#include "clones.h"
#include "vec16.h"

/* Words of one slice of a K-block of weights, and of half of its rows. */
enum { SLICE_WORDS = 512, HALF_WORDS = SLICE_WORDS / 2 };

/* Splits two vectors in slices of bfloat16, each what is left, rounded, and writes words of both, `stride` words from
   slice to slice: `lows` in the low halves and `highs` in the high ones. */
INLINE void write_bf16_slices(uint32_t *out, size_t stride, const vec16 *lows, const vec16 *highs, int32_t slices) {
  vec16 low = *lows, high = *highs;
  for (int32_t slice = 0; slice < slices; slice++, out += stride) {
    const uvec16 l = ((uvec16)low + 0x8000) & 0xffff0000, h = ((uvec16)high + 0x8000) & 0xffff0000;
    *(uvec16 *)out = l >> 16 | h;
    low -= (vec16)l;
    high -= (vec16)h;
  }
}

#endif
