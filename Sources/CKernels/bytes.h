#ifndef BYTES_H
#define BYTES_H

#include "clones.h"
#include "kernels.h"
#include "split.h"

/* The largest whole number that floats become: its digits are bytes, and some is left for what rounding adds. */
#define MOST_OF_BYTES 8355700.0f

/* Writes the bytes of four vectors, `step` words from one digit to the next: of the largest first. A word has the bytes
   of one lane of each vector. */
INLINE void cut(uint32_t *out, size_t step, const lanes *values, const lanes *factor) {
  words whole[RT_BYTE_VECTORS];
  for (size_t v = 0; v < RT_BYTE_VECTORS; v++)
    whole[v] =
        (words)__builtin_convertvector(__builtin_elementwise_rint(values[v] * *factor), integers) + 0x808080;
  for (int digit = 0; digit < RT_BYTES; digit++, out += step) {
    const int down = 16 - 8 * digit;
    const words low = (whole[0] >> down & 0xff) | (whole[1] >> down & 0xff) << 8;
    const words high = (whole[2] >> down & 0xff) << 16 | whole[3] >> down << 24;
    *(words *)out = (low | high) ^ 0x80808080;
  }
}

/* Magnitudes are compared as integers: then what is not a number is the largest. */
INLINE void keep_largest(integers *largest, const float *values) {
  const integers magnitude = *(const integers *)values & 0x7fffffff;
  *largest = __builtin_elementwise_max(*largest, magnitude);
}

INLINE float largest_lane(const integers *largest) {
  const int32_t bits = __builtin_reduce_max(*largest);
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

/* What floats that are at most so large are multiplied by to become whole numbers. */
INLINE float factor_to_bytes(float largest) { return largest > 0 ? MOST_OF_BYTES / largest : 0; }

/* The other way; with one of the other factor, products of the first digits need another 2^16, which are shared. */
#define FACTOR_FROM_BYTES (256 / MOST_OF_BYTES)

/* Sums of products of digits, [order][position][row], become floats [position][row], in place. Order o has the products
   of digits i and o - i. */
INLINE void add_orders(float *sums, const float *positions, const lanes *rows) {
  enum { ORDER = RT_PANEL * RT_ROWS };
  for (size_t p = 0; p < RT_PANEL; p++)
    for (size_t half = 0; half < RT_ROWS / LANES; half++) {
      float *place = sums + p * RT_ROWS + half * LANES;
      lanes orders[RT_BYTES];
      for (size_t o = 0; o < RT_BYTES; o++)
        orders[o] = __builtin_convertvector(*(const integers *)(place + o * ORDER), lanes);
      *(lanes *)place = ((orders[0] * 256 + orders[1]) * 256 + orders[2]) * (positions[p] * rows[half]);
    }
}

#endif
