#ifndef EPILOGUE_H
#define EPILOGUE_H

#include "clones.h"
#include "kernels.h"
#include "relu_mask.h"
#include "vec16.h"

/* Blocks of 16 channels that the remaining rows of an output fill, up to `most`. */
static inline size_t blocks_left(size_t rows, size_t most) {
  const size_t left = (rows + VEC16 - 1) / VEC16;
  return left < most ? left : most;
}

/* Applies the epilogue to the sums of 16 rows and writes out[at..<at + 16]. `row` is the first of them in the bias. */
INLINE void apply_epilogue(float *out, size_t at, const vec16 *sums, size_t row, const rt_epilogue *epilogue) {
  vec16 value = *sums;
  vec16 *target = (vec16 *)(out + at);
  if (epilogue->accumulate) value += *target;
  if (epilogue->keep) {
    apply_relu_mask(&value, epilogue->keep[at / VEC16]);
  } else {
    if (epilogue->bias) value += *(const vec16 *)(epilogue->bias + row);
    if (epilogue->residual) value += *(const vec16 *)(epilogue->residual + at);
    if (epilogue->ceiling > 0)
      clip16(&value, epilogue->ceiling, epilogue->relu_mask ? epilogue->relu_mask + at / VEC16 : NULL);
  }
  *target = value;
}

/* Prefetches what the epilogue of 16 rows reads. */
INLINE void prefetch_epilogue(const float *out, size_t at, const rt_epilogue *epilogue) {
  if (epilogue->accumulate) __builtin_prefetch(out + at, 0, 3);
  if (epilogue->residual) __builtin_prefetch(epilogue->residual + at, 0, 3);
}

#endif
