#ifndef SPLIT_H
#define SPLIT_H

#include "transpose.h"

typedef uint32_t words __attribute__((vector_size(64), aligned(4)));

/* Words of one part of a block of weights, and of half of its rows. */
enum { PART_WORDS = 512, HALF_WORDS = PART_WORDS / 2 };

/* Writes the parts of two vectors, `step` words apart: of the first in the low half of each word, of the second in the
   high one. A part is what is left, rounded to a bfloat16. */
static inline __attribute__((always_inline)) void split(uint32_t *out, size_t step, const lanes *lows,
                                                        const lanes *highs, int32_t parts) {
  lanes low = *lows, high = *highs;
  for (int32_t part = 0; part < parts; part++, out += step) {
    const words l = ((words)low + 0x8000) & 0xffff0000, h = ((words)high + 0x8000) & 0xffff0000;
    *(words *)out = l >> 16 | h;
    low -= (lanes)l;
    high -= (lanes)h;
  }
}

#endif
