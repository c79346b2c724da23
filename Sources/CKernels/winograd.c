#include "clones.h"
#include "finish.h"
#include "transpose.h"

/* The transforms are those of Lavin and Gray, with the points 0, 1, -1 for outputs of a side of 2, and 2, -2 too for a
   side of 4. Vectors hold sixteen channels of one position. */

enum { MOST = 6 };

/* G g for weights that are `step` vectors apart. */
INLINE void transform_weights(lanes *t, const lanes *g, size_t step, int side) {
  const lanes g0 = g[0], g1 = g[step], g2 = g[2 * step];
  const lanes even = g0 + g2, far = g0 + 4 * g2, twice = 2 * g1;
  t[0] = g0;
  if (side == 2) {
    t[1] = (even + g1) * 0.5f;
    t[2] = (even - g1) * 0.5f;
    t[3] = g2;
  } else {
    t[0] = g0 * (1.0f / 4);
    t[1] = (even + g1) * (-1.0f / 6);
    t[2] = (even - g1) * (-1.0f / 6);
    t[3] = (far + twice) * (1.0f / 24);
    t[4] = (far - twice) * (1.0f / 24);
    t[5] = g2;
  }
}

/* B' d for values that are `step` vectors apart. */
INLINE void transform_input(lanes *t, const lanes *d, ptrdiff_t step, int side) {
  const lanes d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
  if (side == 2) {
    t[0] = d0 - d2;
    t[1] = d1 + d2;
    t[2] = d2 - d1;
    t[3] = d1 - d3;
  } else {
    const lanes d4 = d[4 * step], d5 = d[5 * step];
    const lanes a = d4 - 4 * d2, b = d3 - 4 * d1, c = d4 - d2, e = 2 * (d3 - d1);
    t[0] = 4 * d0 - 5 * d2 + d4;
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4 * d1 - 5 * d3 + d5;
  }
}

/* A' m for values that are `step` vectors apart. */
INLINE void transform_output(lanes *y, const lanes *m, size_t step, int side) {
  const lanes m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step];
  if (side == 2) {
    y[0] = m0 + m1 + m2;
    y[1] = m1 - m2 - m3;
  } else {
    const lanes m4 = m[4 * step], m5 = m[5 * step];
    const lanes sum1 = m1 + m2, difference1 = m1 - m2, sum2 = m3 + m4, difference2 = m3 - m4;
    y[0] = m0 + sum1 + sum2;
    y[1] = difference1 + 2 * difference2;
    y[2] = sum1 + 4 * sum2;
    y[3] = difference1 + 8 * difference2 + m5;
  }
}

INLINE void weights_of(float *restrict transformed, const rt_weights *weights, int side) {
  const rt_weights w = *weights;
  const size_t plane = (size_t)w.ins * RT_MANY_ROWS, products = (size_t)((side + 2) * (side + 2));
  for (int32_t block = 0; block < w.outs; block += RT_MANY_ROWS, transformed += products * plane)
    for (int32_t i = 0; i < w.ins; i++) {
      _Alignas(64) float taps[9][RT_MANY_ROWS] = {0};
      for (int32_t o = 0; o < RT_MANY_ROWS && block + o < w.outs; o++)
        for (int32_t y = 0; y < 3; y++)
          for (int32_t x = 0; x < 3; x++) taps[3 * y + x][o] = rt_weight(&w, block + o, i, y, x);
      for (size_t half = 0; half < RT_MANY_ROWS; half += LANES) {
        lanes columns[3][MOST], row[MOST];
        for (size_t x = 0; x < 3; x++)
          transform_weights(columns[x], (const lanes *)(taps[x] + half), 3 * RT_MANY_ROWS / LANES, side);
        float *out = transformed + (size_t)i * RT_MANY_ROWS + half;
        for (int y = 0; y < side + 2; y++) {
          transform_weights(row, &columns[0][y], MOST, side);
          for (int x = 0; x < side + 2; x++, out += plane) *(lanes *)out = row[x];
        }
      }
    }
}

CLONES WIDE void rt_winograd_weights(float *transformed, const rt_weights *weights, int32_t side) {
  if (side == 2)
    weights_of(transformed, weights, 2);
  else
    weights_of(transformed, weights, 4);
}

/* Consecutive tiles of one row of tiles. */
typedef struct run {
  size_t image;
  int32_t y, x;      /* of the first output */
  int32_t at, count; /* which of the tiles */
} run;

/* The columns that a run of tiles sees at most. */
enum { SEEN = 32 };

/* The run that begins with tile `done` of these. */
INLINE run run_at(const rt_tiles *tiles, int32_t done, int side) {
  const rt_window *w = tiles->window;
  const size_t across = (size_t)((w->grid_width + side - 1) / side);
  const size_t down = (size_t)((w->grid_height + side - 1) / side);
  const size_t row = (tiles->first + (size_t)done) / across, from = (tiles->first + (size_t)done) % across;
  const int32_t left = (int32_t)tiles->count - done, inside = (int32_t)(across - from), most = (SEEN - 2) / side;
  const int32_t least = left < inside ? left : inside;
  return (run){.image = row / down, .y = (int32_t)(row % down) * side, .x = (int32_t)from * side, .at = done,
               .count = least < most ? least : most};
}

/* Sixteen channels of what a run of tiles sees; there is room for vectors that reach beyond the columns. */
typedef struct frame {
  float values[MOST][LANES + SEEN + LANES][LANES];
} frame;

/* Copies sixteen channels of a map's rows y..<y + height from column x on, as zeros outside. */
INLINE void see(frame *f, const float *map, size_t plane, size_t channels, const rt_window *w, int32_t y, int32_t x,
                int32_t height, int32_t width) {
  const int32_t low = x < 0 ? -x : 0, high = w->width - x < width ? w->width - x : width;
  for (int32_t i = 0; i < height; i++) {
    float(*line)[LANES] = f->values[i] + LANES;
    const bool outside = y + i < 0 || y + i >= w->height;
    for (int32_t j = 0; j < width; j++)
      if (outside || j < low || j >= high) *(lanes *)line[j] = (lanes){0};
    if (outside || w->width < LANES) continue;
    /* The last vectors begin earlier rather than reach beyond the map. */
    for (int32_t j = low; j < high; j += LANES) {
      const int32_t column = x + j < w->width - LANES ? x + j : w->width - LANES;
      transpose16(line[column - x], LANES, map + (size_t)(y + i) * (size_t)w->width + column, plane, channels);
    }
  }
  if (w->width >= LANES) return;
  const int32_t top = y < 0 ? 0 : y, bottom = y + height < w->height ? y + height : w->height;
  const int32_t area = w->height * w->width, end = bottom * w->width;
  for (int32_t at = top * w->width; at < end; at += LANES) {
    const int32_t first = at < area - LANES ? at : area > LANES ? area - LANES : 0;
    _Alignas(64) float block[LANES][LANES];
    if (area >= LANES) {
      transpose16(block[0], LANES, map + first, plane, channels);
    } else {
      for (int32_t k = 0; k < area; k++)
        for (size_t c = 0; c < LANES; c++) block[k][c] = map[(c < channels ? c : channels - 1) * plane + (size_t)k];
    }
    int32_t row = first / w->width, column = first % w->width;
    for (int32_t k = 0; k < LANES && row < bottom; k++) {
      if (row >= top && column - x < width) *(lanes *)f->values[row - y][LANES + column - x] = *(lanes *)block[k];
      if (++column == w->width) (row++, column = 0);
    }
  }
}

INLINE void input_of(float *restrict transformed, const float *restrict input, size_t plane, int32_t channels,
                     const rt_tiles *tiles, int side, bool turned) {
  const rt_window *w = tiles->window;
  const ptrdiff_t line = LANES + SEEN + LANES, down = turned ? -line : line, across = turned ? -1 : 1;
  const ptrdiff_t corner = turned ? (side + 1) * (line + 1) : 0;
  const size_t map = (size_t)w->height * (size_t)w->width;
  _Alignas(64) frame seen;
  for (size_t channel = 0; channel < (size_t)channels; channel += LANES) {
    const size_t left = (size_t)channels - channel;
    run r;
    for (int32_t done = 0; done < (int32_t)tiles->count; done += r.count) {
      r = run_at(tiles, done, side);
      see(&seen, input + channel * plane + r.image * map, plane, left < LANES ? left : LANES, w, r.y + w->top,
          r.x + w->left, side + 2, side * r.count + 2);
      for (int32_t t = 0; t < r.count; t++) {
        const lanes *from = (const lanes *)seen.values[0][LANES + side * t] + corner;
        lanes columns[MOST][MOST], row[MOST];
        for (int j = 0; j < side + 2; j++) transform_input(columns[j], from + j * across, down, side);
        float *to = transformed + (size_t)(r.at + t) * tiles->depth + channel;
        for (int i = 0; i < side + 2; i++) {
          transform_input(row, &columns[0][i], MOST, side);
          for (int j = 0; j < side + 2; j++, to += tiles->step) *(lanes *)to = row[j];
        }
      }
    }
  }
}

CLONES WIDE void rt_winograd_input(float *transformed, const float *input, size_t plane, int32_t channels,
                                   const rt_tiles *tiles) {
  if (tiles->side == 2 && tiles->turned)
    input_of(transformed, input, plane, channels, tiles, 2, true);
  else if (tiles->side == 2)
    input_of(transformed, input, plane, channels, tiles, 2, false);
  else if (tiles->turned)
    input_of(transformed, input, plane, channels, tiles, 4, true);
  else
    input_of(transformed, input, plane, channels, tiles, 4, false);
}

/* The outputs of a run of tiles, for up to sixteen rows; sums are [product][tile][RT_MANY_ROWS]. */
INLINE void output_of(float *out, size_t plane, const float *sums, size_t rows, const rt_tiles *tiles, run r,
                      size_t row, const rt_finish *finish, int side) {
  const rt_window *w = tiles->window;
  const size_t map = (size_t)w->grid_height * (size_t)w->grid_width, step = tiles->count * RT_MANY_ROWS / LANES;
  const int32_t height = w->grid_height - r.y < side ? w->grid_height - r.y : side;
  const int32_t width = w->grid_width - r.x < side * r.count ? w->grid_width - r.x : side * r.count;
  /* Sixteen channels of each position, and positions of each channel. */
  _Alignas(64) float outputs[4 * SEEN + LANES][LANES], lines[LANES][4 * SEEN + LANES];
  for (int32_t t = 0; t < r.count; t++) {
    const lanes *from = (const lanes *)(sums + (size_t)(r.at + t) * RT_MANY_ROWS);
    lanes columns[MOST][4], values[4];
    for (int j = 0; j < side + 2; j++)
      transform_output(columns[j], from + (size_t)j * step, (size_t)(side + 2) * step, side);
    for (int i = 0; i < side; i++) {
      transform_output(values, &columns[0][i], 4, side);
      for (int j = 0; j < side; j++) {
        const int32_t y = tiles->turned ? side - 1 - i : i, x = side * t + (tiles->turned ? side - 1 - j : j);
        if (y < height && x < width) *(lanes *)outputs[y * width + x] = values[j];
      }
    }
  }
  const int32_t count = height * width;
  for (int32_t k = 0; k < count; k += LANES) transpose16(lines[0] + k, 4 * SEEN + LANES, outputs[k], LANES, LANES);
  const size_t first = r.image * map + (size_t)r.y * (size_t)w->grid_width + (size_t)r.x;
  for (size_t c = 0; c < rows; c++) {
    const size_t at = (row + c) * plane + first;
    const float bias = finish->bias ? finish->bias[row + c] : 0;
    if (width == w->grid_width) {
      finish_row(out, at, lines[c], bias, finish, (size_t)count);
    } else {
      for (int32_t i = 0; i < height; i++)
        finish_row(out, at + (size_t)i * (size_t)w->grid_width, lines[c] + i * width, bias, finish, (size_t)width);
    }
  }
}

CLONES WIDE void rt_winograd_output(float *out, size_t plane, const float *weights, const rt_transposed *transposed,
                                    const float *inputs, int32_t channels, size_t rows, const rt_tiles *tiles,
                                    const rt_finish *finish) {
  enum { POSITIONS = 8 };
  const int32_t side = tiles->side;
  const size_t products = (size_t)((side + 2) * (side + 2)), block = (size_t)channels * RT_MANY_ROWS;
  const size_t count = tiles->count, parts = (count + POSITIONS - 1) / POSITIONS;
  _Alignas(64) float sums[MOST * MOST * RT_PANEL * RT_MANY_ROWS];
  for (size_t row = 0; row < rows; row += RT_MANY_ROWS) {
    for (size_t k = 0; k < products; k++) {
      const float *used = weights + (row / RT_MANY_ROWS * products + k) * block, *next = used + block;
      size_t step = RT_SQUARE;
      if (transposed) {
        const size_t plane_floats = transposed->ins * RT_MANY_ROWS, at = row * RT_MANY_ROWS;
        const bool last = k + 1 == products;
        step = products * plane_floats;
        rt_transposed_block(transposed->block, weights + at + k * plane_floats, step, (size_t)channels);
        used = transposed->block;
        next = weights + (last ? at + RT_SQUARE : at + (k + 1) * plane_floats);
        if (last && row + RT_MANY_ROWS >= rows) next = NULL;
      }
      for (size_t part = 0; part < parts; part++) {
        const size_t first = count * part / parts, end = count * (part + 1) / parts;
        rt_tile_strided(sums + (k * count + first) * RT_MANY_ROWS, used,
                        inputs + k * tiles->step + first * tiles->depth, tiles->depth, (size_t)channels, end - first,
                        rt_ahead_of_pass(next, step, (size_t)channels, part, parts));
      }
    }
    for (size_t half = 0; half < RT_MANY_ROWS && row + half < rows; half += LANES) {
      const size_t some = rows - row - half < LANES ? rows - row - half : LANES;
      run r;
      for (int32_t done = 0; done < (int32_t)count; done += r.count) {
        if (side == 2) {
          r = run_at(tiles, done, 2);
          output_of(out, plane, sums + half, some, tiles, r, row + half, finish, 2);
        } else {
          r = run_at(tiles, done, 4);
          output_of(out, plane, sums + half, some, tiles, r, row + half, finish, 4);
        }
      }
    }
  }
}
