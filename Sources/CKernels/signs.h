#ifndef SIGNS_H
#define SIGNS_H

#include <string.h>

#include "transpose.h"

typedef bool bits __attribute__((ext_vector_type(16)));

/* Of which lanes the value is above 0. */
static inline __attribute__((always_inline)) uint16_t positive_lanes(const lanes *x) {
  const bits positive = __builtin_convertvector(*x > 0, bits);
  uint16_t packed;
  memcpy(&packed, &positive, sizeof packed);
  return packed;
}

static inline __attribute__((always_inline)) void keep_lanes(lanes *x, uint16_t packed) {
  bits kept;
  memcpy(&kept, &packed, sizeof packed);
  *x = (lanes)((integers)*x & -__builtin_convertvector(kept, integers));
}

/* What is not a number stays so. */
static inline __attribute__((always_inline)) void rectify(lanes *x) { *x = (lanes)((integers)*x & ~(*x < 0)); }

#endif
