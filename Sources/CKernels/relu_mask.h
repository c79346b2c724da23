#ifndef RELU_MASK_H
#define RELU_MASK_H

#include <string.h>

#include "clones.h"
#include "vec16.h"

typedef bool bits __attribute__((ext_vector_type(16)));

/* The ReLU mask: bit c is set where channel c is above 0. */
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

#endif
