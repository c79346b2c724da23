#ifndef INT8X3_H
#define INT8X3_H

#include "clones.h"
#include "kernels.h"
#include "vec16.h"

/* The largest integer that floats are scaled to. Its slices are int8, and some is left for what rounding adds. */
#define INT8X3_MAX 8355700.0f

/* Scales four vectors to integers and writes their slices, the greatest first, `stride` words from slice to slice. A
   word has one int8 of each vector. */
INLINE void write_int8_slices(uint32_t *out, size_t stride, const vec16 *values, const vec16 *scale) {
  uvec16 whole[RT_INT8_VNNI];
  for (size_t v = 0; v < RT_INT8_VNNI; v++)
    whole[v] =
        (uvec16)__builtin_convertvector(__builtin_elementwise_rint(values[v] * *scale), ivec16) + 0x808080;
  for (int slice = 0; slice < RT_INT8_SLICES; slice++, out += stride) {
    const int down = 16 - 8 * slice;
    const uvec16 low = (whole[0] >> down & 0xff) | (whole[1] >> down & 0xff) << 8;
    const uvec16 high = (whole[2] >> down & 0xff) << 16 | whole[3] >> down << 24;
    *(uvec16 *)out = (low | high) ^ 0x80808080;
  }
}

/* max_abs = max(max_abs, |values|). Magnitudes are compared as integers: then NaN is the largest. */
INLINE void update_max_abs(ivec16 *max_abs, const float *values) {
  const ivec16 magnitude = *(const ivec16 *)values & 0x7fffffff;
  *max_abs = __builtin_elementwise_max(*max_abs, magnitude);
}

INLINE float reduce_max_abs(const ivec16 *max_abs) {
  const int32_t bits = __builtin_reduce_max(*max_abs);
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

/* The scale from floats of at most this magnitude to integers. */
INLINE float quantizing_scale(float max_abs) { return max_abs > 0 ? INT8X3_MAX / max_abs : 0; }

/* The scale back, by the magnitude. With one of the other operand, products of the first slices need another 2^16,
   which both share. */
#define DEQUANTIZING_SCALE (256 / INT8X3_MAX)

/* Turns the integers of a panel [order][position][row] to floats [position][row], in place. Order o has the products of
   slices i and o - i.
     position_scales   [RT_PANEL]
     row_scales        [RT_MR / 16] */
INLINE void dequantize_sums(float *sums, const float *position_scales, const vec16 *row_scales) {
  enum { ORDER = RT_PANEL * RT_MR };
  for (size_t p = 0; p < RT_PANEL; p++)
    for (size_t half = 0; half < RT_MR / VEC16; half++) {
      float *at = sums + p * RT_MR + half * VEC16;
      vec16 orders[RT_INT8_SLICES];
      for (size_t o = 0; o < RT_INT8_SLICES; o++)
        orders[o] = __builtin_convertvector(*(const ivec16 *)(at + o * ORDER), vec16);
      *(vec16 *)at = ((orders[0] * 256 + orders[1]) * 256 + orders[2]) * (position_scales[p] * row_scales[half]);
    }
}

#endif
