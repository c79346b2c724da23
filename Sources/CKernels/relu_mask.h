#ifndef RELU_MASK_H
#define RELU_MASK_H

#include <string.h>

#include "clones.h"
#include "vec16.h"

typedef bool bits __attribute__((ext_vector_type(16)));

/* Bit c is set where channel c is above 0. */
INLINE uint16_t relu_mask(const vec16 *x) {
  const bits positive = __builtin_convertvector(*x > 0, bits);
  uint16_t mask;
  memcpy(&mask, &positive, sizeof mask);
  return mask;
}

/* x = 0 where the mask's bits are not set. */
INLINE void apply_relu_mask(vec16 *x, uint16_t mask) {
  bits kept;
  memcpy(&kept, &mask, sizeof kept);
  *x = (vec16)((ivec16)*x & -__builtin_convertvector(kept, ivec16));
}

/* x = max(x, 0); NaN stays NaN. */
INLINE void relu16(vec16 *x) { *x = (vec16)((ivec16)*x & ~(*x < 0)); }

/* x = min(max(x, 0), ceiling), and the ReLU mask, if it is wanted: where x was strictly between. The ceiling may be
   infinite. */
INLINE void clip16(vec16 *x, float ceiling, uint16_t *mask) {
  relu16(x);
  if (mask) *mask = relu_mask(x);
  if (ceiling == __builtin_inff()) return;
  const ivec16 over = *x >= ceiling;
  *x = (vec16)(((ivec16)*x & ~over) | ((ivec16)((vec16){0} + ceiling) & over));
  const bits is_over = __builtin_convertvector(over, bits);
  uint16_t cut;
  memcpy(&cut, &is_over, sizeof cut);
  if (mask) *mask &= (uint16_t)~cut;
}

#endif
