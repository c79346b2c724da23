#ifndef EXP16_H
#define EXP16_H

#include "clones.h"
#include "vec16.h"

INLINE vec16 select16(ivec16 chosen, vec16 yes, vec16 no) {
  return (vec16)(((ivec16)yes & chosen) | ((ivec16)no & ~chosen));
}
INLINE vec16 min16(vec16 a, float b) { return select16(a < b, a, (vec16){0} + b); }
INLINE vec16 max16(vec16 a, float b) { return select16(a > b, a, (vec16){0} + b); }

/* e^x to two units in the last place; of x below -87 as of that, of x above 88 likewise. */
INLINE vec16 exp16(vec16 x) {
  x = min16(max16(x, -87.0f), 88.0f);
  /* x = n ln 2 + r with |r| <= ln 2 / 2; the sum with 3 2^22 rounds to an integer, which lies in the last bits. */
  const vec16 shifted = x * 1.44269504f + 12582912.0f;
  const vec16 n = shifted - 12582912.0f;
  const vec16 r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  /* (e^r - 1 - r) / r^2, by the polynomial that fits it best in that interval. */
  vec16 p = (vec16){0} + 1.39337336e-3f;
  p = p * r + 8.36323574e-3f;
  p = p * r + 4.16664630e-2f;
  p = p * r + 1.66665763e-1f;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  return p * (vec16)(((ivec16)shifted - 0x4B400000 + 127) << 23);
}

#endif
