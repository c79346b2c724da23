#include <string.h>

#include "clones.h"
#include "kernels.h"
#include "transpose.h"

static size_t whole_lanes(size_t count) { return (count + LANES - 1) / LANES * LANES; }

size_t rt_resample_scratch(size_t columns, size_t size) {
  return 2 * LANES * whole_lanes(3 * columns) + 3 * LANES * whole_lanes(size);
}

/* out[i] = sum over k of weights[k] in[k * step + i] */
INLINE void mix_rows(float *restrict out, const uint8_t *restrict in, size_t step, const float *restrict weights,
                     size_t taps, size_t count) {
  enum { BLOCK = 64 };
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    float sums[BLOCK] = {0};
    for (size_t k = 0; k < taps; k++) {
      const uint8_t *from = in + k * step + i;
      for (size_t j = 0; j < BLOCK; j++) sums[j] += weights[k] * (float)from[j];
    }
    for (size_t j = 0; j < BLOCK; j++) out[i + j] = sums[j];
  }
  for (; i < count; i++) {
    float sum = 0;
    for (size_t k = 0; k < taps; k++) sum += weights[k] * (float)in[k * step + i];
    out[i] = sum;
  }
}

/* Sixteen rows of the result at a time: mixed from rows of the photo, turned so that a vector holds the same column of
   all of them, mixed from columns, and turned back. */
CLONES WIDE void rt_resample(float *restrict out, size_t size, const uint8_t *restrict photo, size_t step,
                             size_t columns, const int32_t *restrict first_rows,
                             const float *restrict row_weights, size_t row_taps,
                             const int32_t *restrict first_columns, const float *restrict column_weights,
                             size_t column_taps, float *restrict scratch) {
  const size_t values = 3 * columns, room = whole_lanes(values), side = whole_lanes(size);
  float *rows = scratch, *turned = rows + LANES * room, *mixed = turned + LANES * room;
  memset(scratch, 0, rt_resample_scratch(columns, size) * sizeof *scratch);
  for (size_t top = 0; top < size; top += LANES) {
    const size_t count = size - top < LANES ? size - top : LANES;
    for (size_t y = 0; y < count; y++)
      mix_rows(rows + y * room, photo + (size_t)first_rows[top + y] * step, step,
               row_weights + (top + y) * row_taps, row_taps, values);
    for (size_t i = 0; i < room; i += LANES) transpose16(turned + i * LANES, LANES, rows + i, room);
    for (size_t x = 0; x < size; x++) {
      const float *from = turned + 3 * LANES * (size_t)first_columns[x], *weights = column_weights + x * column_taps;
      lanes red = {0}, green = {0}, blue = {0};
      for (size_t k = 0; k < column_taps; k++, from += 3 * LANES) {
        red += weights[k] * *(const lanes *)from;
        green += weights[k] * *(const lanes *)(from + LANES);
        blue += weights[k] * *(const lanes *)(from + 2 * LANES);
      }
      float *to = mixed + x * LANES;
      *(lanes *)to = red;
      *(lanes *)(to + side * LANES) = green;
      *(lanes *)(to + 2 * side * LANES) = blue;
    }
    for (size_t c = 0; c < 3; c++)
      for (size_t x = 0; x < size; x += LANES) {
        float *to = out + (c * size + top) * size + x;
        const float *from = mixed + (c * side + x) * LANES;
        if (count == LANES && x + LANES <= size) {
          transpose16(to, size, from, LANES);
          continue;
        }
        float tile[LANES * LANES];
        transpose16(tile, LANES, from, LANES);
        const size_t width = size - x < LANES ? size - x : LANES;
        for (size_t y = 0; y < count; y++) memcpy(to + y * size, tile + y * LANES, width * sizeof *to);
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
