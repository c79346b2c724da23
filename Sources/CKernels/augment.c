#include <string.h>

#include "clones.h"
#include "kernels.h"
#include "vec16.h"

static size_t whole_vectors(size_t count) { return (count + VEC16 - 1) / VEC16 * VEC16; }

size_t rt_resample_scratch(size_t columns, size_t size) {
  return 2 * VEC16 * whole_vectors(3 * columns) + 3 * VEC16 * whole_vectors(size);
}

/* out[i] = sum over k of weights[k] in[k * row_bytes + i] */
INLINE void mix_rows(float *restrict out, const uint8_t *restrict in, size_t row_bytes, const float *restrict weights,
                     size_t taps, size_t count) {
  enum { BLOCK = 64 };
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    float sums[BLOCK] = {0};
    for (size_t k = 0; k < taps; k++) {
      const uint8_t *from = in + k * row_bytes + i;
      for (size_t j = 0; j < BLOCK; j++) sums[j] += weights[k] * (float)from[j];
    }
    for (size_t j = 0; j < BLOCK; j++) out[i + j] = sums[j];
  }
  for (; i < count; i++) {
    float sum = 0;
    for (size_t k = 0; k < taps; k++) sum += weights[k] * (float)in[k * row_bytes + i];
    out[i] = sum;
  }
}

/* Sixteen rows of the result at a time: mixed from rows of the photo, transposed so that a vector holds the same
   column of all of them, mixed from columns, and transposed back. */
CLONES WIDE void rt_resample(float *restrict out, size_t size, const uint8_t *restrict photo, size_t row_bytes,
                             size_t columns, const int32_t *restrict first_rows, const float *restrict row_weights,
                             size_t row_taps, const int32_t *restrict first_columns,
                             const float *restrict column_weights, size_t column_taps, float *restrict scratch) {
  const size_t values = 3 * columns, room = whole_vectors(values), side = whole_vectors(size);
  float *rows = scratch, *transposed = rows + VEC16 * room, *mixed = transposed + VEC16 * room;
  memset(scratch, 0, rt_resample_scratch(columns, size) * sizeof *scratch);
  for (size_t top = 0; top < size; top += VEC16) {
    const size_t count = size - top < VEC16 ? size - top : VEC16;
    for (size_t y = 0; y < count; y++)
      mix_rows(rows + y * room, photo + (size_t)first_rows[top + y] * row_bytes, row_bytes,
               row_weights + (top + y) * row_taps, row_taps, values);
    for (size_t i = 0; i < room; i += VEC16) transpose16(transposed + i * VEC16, VEC16, rows + i, room);
    for (size_t x = 0; x < size; x++) {
      const float *from = transposed + 3 * VEC16 * (size_t)first_columns[x];
      const float *weights = column_weights + x * column_taps;
      vec16 red = {0}, green = {0}, blue = {0};
      for (size_t k = 0; k < column_taps; k++, from += 3 * VEC16) {
        red += weights[k] * *(const vec16 *)from;
        green += weights[k] * *(const vec16 *)(from + VEC16);
        blue += weights[k] * *(const vec16 *)(from + 2 * VEC16);
      }
      float *to = mixed + x * VEC16;
      *(vec16 *)to = red;
      *(vec16 *)(to + side * VEC16) = green;
      *(vec16 *)(to + 2 * side * VEC16) = blue;
    }
    for (size_t c = 0; c < 3; c++)
      for (size_t x = 0; x < size; x += VEC16) {
        float *to = out + (c * size + top) * size + x;
        const float *from = mixed + (c * side + x) * VEC16;
        if (count == VEC16 && x + VEC16 <= size) {
          transpose16(to, size, from, VEC16);
          continue;
        }
        float square[VEC16 * VEC16];
        transpose16(square, VEC16, from, VEC16);
        const size_t width = size - x < VEC16 ? size - x : VEC16;
        for (size_t y = 0; y < count; y++) memcpy(to + y * size, square + y * VEC16, width * sizeof *to);
      }
  }
}

INLINE float in_range(float value) { return value < 0 ? 0 : value > 1 ? 1 : value; }

CLONES void rt_jitter(float *planes, float saturation, float contrast, float brightness, size_t count) {
  float *restrict r = planes, *restrict g = planes + count, *restrict b = planes + 2 * count;
  const float offset = 0.5f - 0.5f * contrast + brightness;
  const float own = contrast * saturation, shared = contrast * (1 - saturation);
  for (size_t i = 0; i < count; i++) {
    const float grey = shared * (0.299f * r[i] + 0.587f * g[i] + 0.114f * b[i]) + offset;
    r[i] = in_range(own * r[i] + grey);
    g[i] = in_range(own * g[i] + grey);
    b[i] = in_range(own * b[i] + grey);
  }
}
