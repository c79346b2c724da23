#ifndef FINISH_H
#define FINISH_H

#include "kernels.h"
#include "signs.h"
#include "transpose.h"

/* Vectors of the rows that are left of an output, up to so many. */
static inline size_t vectors_left(size_t rows, size_t most) {
  const size_t left = (rows + LANES - 1) / LANES;
  return left < most ? left : most;
}

/* Writes the finished sums of sixteen rows, from out[at] on; `rows` are those of the bias. */
static inline __attribute__((always_inline)) void finish_lanes(float *out, size_t at, const lanes *made, size_t rows,
                                                               const rt_finish *finish) {
  lanes sums = *made;
  lanes *place = (lanes *)(out + at);
  if (finish->accumulate) sums += *place;
  if (finish->mask) {
    keep_lanes(&sums, finish->mask[at / LANES]);
  } else {
    if (finish->bias) sums += *(const lanes *)(finish->bias + rows);
    if (finish->residual) sums += *(const lanes *)(finish->residual + at);
    if (finish->relu) rectify(&sums);
    if (finish->positive) finish->positive[at / LANES] = positive_lanes(&sums);
  }
  *place = sums;
}

/* Brings near what finishing sixteen rows reads. */
static inline __attribute__((always_inline)) void fetch_lanes(const float *out, size_t at, const rt_finish *finish) {
  if (finish->accumulate) __builtin_prefetch(out + at, 0, 3);
  if (finish->residual) __builtin_prefetch(finish->residual + at, 0, 3);
}

#endif
