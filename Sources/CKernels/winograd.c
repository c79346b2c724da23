#include <string.h>

#include "clones.h"
#include "finish.h"
#include "pairs.h"
#include "transpose.h"
#include "weights.h"

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

/* A y, the adjoint of transform_output, for values that are `step` vectors apart. */
INLINE void transform_gradient(lanes *m, const lanes *y, size_t step) {
  const lanes y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  const lanes even = y0 + y2, odd = y1 + y3, far = y0 + 4 * y2, farther = 2 * y1 + 8 * y3;
  m[0] = y0;
  m[1] = even + odd;
  m[2] = even - odd;
  m[3] = far + farther;
  m[4] = far - farther;
  m[5] = y3;
}

enum { TAPS = 9 };

/* Nine floats of sixteen windows, `step` floats apart, become nine vectors of windows, in the order of the taps or turned by
   half a turn. */
INLINE void taps_of_windows(lanes taps[TAPS], const float *values, ptrdiff_t step, bool turned) {
  _Alignas(64) float rows[LANES][LANES], columns[LANES][LANES];
  for (ptrdiff_t k = 0; k < LANES; k++) memcpy(rows[k], values + k * step, TAPS * sizeof(float));
  transpose16(columns[0], LANES, rows[0], LANES);
  for (int tap = 0; tap < TAPS; tap++) taps[tap] = *(const lanes *)columns[turned ? TAPS - 1 - tap : tap];
}

/* The taps of RT_ROWS outputs of one input. */
INLINE void taps_of_input(float taps[TAPS][RT_ROWS], const rt_weights *w, int32_t in) {
  const bool plain = w->row_step == 3 && w->column_step == 1, turned = w->row_step == -3 && w->column_step == -1;
  const bool whole = in < w->ins && w->outs == RT_ROWS && w->first_out + RT_ROWS <= w->group_outs &&
                     w->first_in + w->ins <= w->group_ins && !w->out_scale && !w->in_scale;
  if (!whole || !(plain || turned)) {
    for (int32_t y = 0; y < 3; y++)
      for (int32_t x = 0; x < 3; x++) weights_of_input(taps[3 * y + x], w, in, y, x);
    return;
  }
  const float *values = w->values + w->first_out * w->out_step + (w->first_in + in) * w->in_step - (turned ? 8 : 0);
  for (size_t half = 0; half < RT_ROWS; half += LANES) {
    lanes vectors[TAPS];
    taps_of_windows(vectors, values + (ptrdiff_t)half * w->out_step, w->out_step, turned);
    for (int tap = 0; tap < TAPS; tap++) *(lanes *)(taps[tap] + half) = vectors[tap];
  }
}

/* G g G' of sixteen outputs, whose taps begin there, by columns first. */
INLINE void columns_of_weights(lanes columns[3][MOST], const float *taps, int side) {
  for (size_t x = 0; x < 3; x++)
    transform_weights(columns[x], (const lanes *)(taps + x * RT_ROWS), 3 * RT_ROWS / LANES, side);
}

INLINE void weights_of(float *restrict transformed, const rt_weights *weights, int side, bool pairs) {
  const size_t block = pairs ? 2 * LANES : LANES, blocks = ((size_t)weights->ins + block - 1) / block;
  const size_t plane = blocks * LANES * RT_ROWS;
  for (size_t i = 0; i < blocks * LANES; i++) {
    const size_t in = i / LANES * block + i % LANES;
    _Alignas(64) float taps[TAPS][RT_ROWS], others[TAPS][RT_ROWS];
    taps_of_input(taps, weights, (int32_t)in);
    if (pairs) taps_of_input(others, weights, (int32_t)in + LANES);
    for (size_t half = 0; half < RT_ROWS; half += LANES) {
      lanes columns[3][MOST], other_columns[3][MOST], row[MOST], other[MOST];
      columns_of_weights(columns, taps[0] + half, side);
      if (pairs) columns_of_weights(other_columns, others[0] + half, side);
      float *out = transformed + i * RT_ROWS + half;
      for (int y = 0; y < side + 2; y++) {
        transform_weights(row, &columns[0][y], MOST, side);
        if (pairs) transform_weights(other, &other_columns[0][y], MOST, side);
        for (int x = 0; x < side + 2; x++, out += plane)
          if (pairs)
            write_pairs(out, &row[x], &other[x]);
          else
            *(lanes *)out = row[x];
      }
    }
  }
}

CLONES WIDE void rt_winograd_weights(float *transformed, const rt_weights *weights, int32_t side, bool pairs) {
  if (side == 2)
    weights_of(transformed, weights, 2, pairs);
  else if (pairs)
    weights_of(transformed, weights, 4, true);
  else
    weights_of(transformed, weights, 4, false);
}

/* A tile of outputs, and its first row and column. */
typedef struct place {
  size_t image;
  int32_t y, x;
} place;

INLINE place place_of(const rt_tiles *tiles, size_t tile, int side) {
  const rt_window *w = tiles->window;
  const size_t across = (size_t)((w->grid_width + side - 1) / side);
  const size_t down = (size_t)((w->grid_height + side - 1) / side), row = (tiles->first + tile) / across;
  return (place){.image = row / down, .y = (int32_t)(row % down) * side,
                 .x = (int32_t)((tiles->first + tile) % across) * side};
}

/* Tiles that are transformed while the maps of one are on their way from memory. */
enum { TILES_AHEAD = 2 };

/* The positions of a map from which a tile is transformed: `extent` rows and columns. */
typedef struct sight {
  int32_t height, width, top, left;
  int extent;
  bool turned;
} sight;

/* Where they lie, from their first block on. Inside of the map they are steps apart; else each has its own place, and
   positions outside of the map, or of tiles that there are not, are zeros. */
typedef struct tile_positions {
  bool inside;
  const float *first;
  ptrdiff_t row, column;
  const float *places[MOST][MOST];
} tile_positions;

INLINE void positions_of(tile_positions *from, const float *map, const rt_tiles *tiles, size_t t, int side,
                         const sight *seen) {
  const place tile = place_of(tiles, t, side);
  const size_t area = (size_t)seen->height * (size_t)seen->width;
  const float *image = map + tile.image * area * LANES, *const outside = map + tiles->images * area * LANES;
  const int32_t top = tile.y + seen->top, left = tile.x + seen->left;
  from->inside = t < tiles->count && top >= 0 && left >= 0 && top + seen->extent <= seen->height &&
                 left + seen->extent <= seen->width;
  if (from->inside) {
    from->first = image + ((ptrdiff_t)top * seen->width + left) * LANES;
    from->row = seen->width * LANES;
    from->column = LANES;
    if (seen->turned) {
      from->first += (seen->extent - 1) * (from->row + from->column);
      from->row = -from->row;
      from->column = -from->column;
    }
    return;
  }
  for (int i = 0; i < seen->extent; i++)
    for (int j = 0; j < seen->extent; j++) {
      const int32_t y = top + (seen->turned ? seen->extent - 1 - i : i);
      const int32_t x = left + (seen->turned ? seen->extent - 1 - j : j);
      from->places[i][j] = t >= tiles->count || y < 0 || y >= seen->height || x < 0 || x >= seen->width
                               ? outside
                               : image + ((ptrdiff_t)y * seen->width + x) * LANES;
    }
}

/* Prefetches them, of so many blocks. */
INLINE void prefetch_positions(const float *map, const rt_tiles *tiles, size_t t, int side, const sight *seen,
                               size_t step, size_t blocks) {
  if (t >= tiles->count) return;
  const place tile = place_of(tiles, t, side);
  const float *image = map + tile.image * (size_t)seen->height * (size_t)seen->width * LANES;
  const int32_t top = tile.y + seen->top, left = tile.x + seen->left, end = left + seen->extent;
  /* The first columns are the last of the tile before it. */
  const int32_t first = tile.x > 0 ? left + seen->extent - side : left < 0 ? 0 : left;
  for (int32_t y = top < 0 ? 0 : top; y < top + seen->extent && y < seen->height; y++)
    for (int32_t x = first; x < end && x < seen->width; x++)
      for (size_t block = 0; block < blocks; block++)
        __builtin_prefetch(image + ((ptrdiff_t)y * seen->width + x) * LANES + block * step, 0, 2);
}

INLINE void transform_map(lanes *t, const lanes *d, ptrdiff_t step, int side, bool is_gradient) {
  if (is_gradient)
    transform_gradient(t, d, (size_t)step);
  else
    transform_input(t, d, step, side);
}

/* The columns of a tile's products, of the block that lies `offset` floats on. */
INLINE void columns_of(lanes columns[MOST][MOST], const tile_positions *from, size_t offset, int side,
                       bool is_gradient) {
  const int extent = is_gradient ? side : side + 2;
  if (from->inside) {
    const float *first = from->first + offset;
    for (int j = 0; j < extent; j++, first += from->column) {
      lanes column[MOST];
      for (int i = 0; i < extent; i++) column[i] = *(const lanes *)(first + i * from->row);
      transform_map(columns[j], column, 1, side, is_gradient);
    }
    return;
  }
  for (int j = 0; j < extent; j++) {
    lanes column[MOST];
    for (int i = 0; i < extent; i++) column[i] = *(const lanes *)(from->places[i][j] + offset);
    transform_map(columns[j], column, 1, side, is_gradient);
  }
}

INLINE void maps_of(float *restrict transformed, const float *restrict map, size_t step, size_t blocks,
                    const rt_tiles *tiles, const sight *seen, int side, bool is_gradient, rt_pairing pairing) {
  const size_t at_once = pairing == RT_TILE_PAIRS ? 2 : 1, block_step = pairing == RT_CHANNEL_PAIRS ? 2 : 1;
  for (size_t t = 0; t < tiles->count; t += at_once) {
    tile_positions from, next;
    positions_of(&from, map, tiles, t, side, seen);
    if (pairing == RT_TILE_PAIRS) positions_of(&next, map, tiles, t + 1, side, seen);
    for (size_t k = 0; k < at_once; k++)
      prefetch_positions(map, tiles, t + k + TILES_AHEAD, side, seen, step, blocks);
    float *to_tile = transformed + t / at_once * tiles->depth;
    for (size_t block = 0; block < blocks; block += block_step, to_tile += tiles->block) {
      lanes columns[MOST][MOST], others[MOST][MOST], row[MOST], other[MOST];
      columns_of(columns, &from, block * step, side, is_gradient);
      if (pairing == RT_TILE_PAIRS)
        columns_of(others, &next, block * step, side, is_gradient);
      else if (pairing == RT_CHANNEL_PAIRS && block + 1 < blocks)
        columns_of(others, &from, (block + 1) * step, side, is_gradient);
      else if (pairing == RT_CHANNEL_PAIRS)
        memset(others, 0, sizeof others);
      float *to = to_tile;
      for (int i = 0; i < side + 2; i++) {
        transform_map(row, &columns[0][i], MOST, side, is_gradient);
        if (pairing != RT_FLOATS) transform_map(other, &others[0][i], MOST, side, is_gradient);
        for (int j = 0; j < side + 2; j++, to += tiles->step)
          if (pairing == RT_FLOATS)
            *(lanes *)to = row[j];
          else
            write_pairs(to, &row[j], &other[j]);
      }
    }
  }
}

CLONES WIDE void rt_winograd_input(float *transformed, const float *input, size_t step, size_t blocks,
                                   const rt_tiles *tiles) {
  const rt_window *w = tiles->window;
  const sight seen = {w->height, w->width, w->top, w->left, tiles->side + 2, tiles->turned};
  if (tiles->side == 2 && tiles->pairing == RT_CHANNEL_PAIRS)
    maps_of(transformed, input, step, blocks, tiles, &seen, 2, false, RT_CHANNEL_PAIRS);
  else if (tiles->side == 2)
    maps_of(transformed, input, step, blocks, tiles, &seen, 2, false, RT_FLOATS);
  else if (tiles->pairing == RT_CHANNEL_PAIRS)
    maps_of(transformed, input, step, blocks, tiles, &seen, 4, false, RT_CHANNEL_PAIRS);
  else if (tiles->pairing == RT_TILE_PAIRS)
    maps_of(transformed, input, step, blocks, tiles, &seen, 4, false, RT_TILE_PAIRS);
  else
    maps_of(transformed, input, step, blocks, tiles, &seen, 4, false, RT_FLOATS);
}

CLONES WIDE void rt_winograd_gradient(float *transformed, const float *gradient, size_t step, size_t blocks,
                                      const rt_tiles *tiles) {
  const rt_window *w = tiles->window;
  const sight seen = {w->grid_height, w->grid_width, 0, 0, 4, false};
  if (tiles->pairing == RT_TILE_PAIRS)
    maps_of(transformed, gradient, step, blocks, tiles, &seen, 4, true, RT_TILE_PAIRS);
  else
    maps_of(transformed, gradient, step, blocks, tiles, &seen, 4, true, RT_FLOATS);
}

/* Prefetches what a tile writes, and what its epilogue reads. */
INLINE void prefetch_output(float *out, size_t out_step, size_t vectors, const rt_window *w, const place *tile,
                            const rt_finish *finish, int side) {
  for (int32_t y = tile->y; y < tile->y + side && y < w->grid_height; y++) {
    const size_t row = (tile->image * (size_t)w->grid_height + (size_t)y) * (size_t)w->grid_width;
    for (int32_t x = tile->x; x < tile->x + side && x < w->grid_width; x++)
      for (size_t v = 0; v < vectors; v++) {
        const size_t at = v * out_step + (row + (size_t)x) * LANES;
        __builtin_prefetch(out + at, 1, 2);
        if (finish->residual) __builtin_prefetch(finish->residual + at, 0, 2);
      }
  }
}

/* The outputs of the tiles for some vectors of rows, from sums [product][tile][`width` vectors]. */
INLINE void output_of(float *out, size_t out_step, const lanes *sums, size_t width, size_t vectors, size_t row,
                      const rt_tiles *tiles, const rt_finish *finish, int side) {
  const rt_window *w = tiles->window;
  const size_t map = (size_t)w->grid_height * (size_t)w->grid_width, step = tiles->count * width;
  for (size_t t = 0; t < tiles->count; t++) {
    const place tile = place_of(tiles, t, side);
    const size_t first = (tile.image * map + (size_t)tile.y * (size_t)w->grid_width + (size_t)tile.x) * LANES;
    const int32_t height = w->grid_height - tile.y, width_left = w->grid_width - tile.x;
    if (t + TILES_AHEAD < tiles->count) {
      const place ahead = place_of(tiles, t + TILES_AHEAD, side);
      prefetch_output(out, out_step, vectors, w, &ahead, finish, side);
    }
    for (size_t v = 0; v < vectors; v++) {
      const lanes *from = sums + t * width + v;
      lanes columns[MOST][4], values[4];
      for (int j = 0; j < side + 2; j++)
        transform_output(columns[j], from + (size_t)j * step, (size_t)(side + 2) * step, side);
      for (int i = 0; i < side; i++) {
        transform_output(values, &columns[0][i], 4, side);
        const int32_t y = tiles->turned ? side - 1 - i : i;
        if (y >= height) continue;
        for (int j = 0; j < side; j++) {
          const int32_t x = tiles->turned ? side - 1 - j : j;
          if (x < width_left)
            finish_lanes(out, v * out_step + first + ((size_t)y * (size_t)w->grid_width + (size_t)x) * LANES,
                         &values[j], row + v * LANES, finish);
        }
      }
    }
  }
}

CLONES WIDE void rt_winograd_output(float *out, size_t out_step, const float *weights, const rt_transposed *transposed,
                                    const float *inputs, size_t rows, bool more, const rt_tiles *tiles,
                                    const rt_finish *finish, float *scratch) {
  const int32_t side = tiles->side;
  const size_t products = (size_t)((side + 2) * (side + 2)), depth = tiles->depth, block = depth * RT_ROWS;
  const size_t count = tiles->count, most = rt_tile_positions(rows), parts = (count + most - 1) / most;
  for (size_t row = 0; row < rows; row += 2 * RT_ROWS) {
    const int32_t blocks = rows - row > RT_ROWS ? 2 : 1;
    const size_t height = (size_t)blocks * RT_ROWS;
    for (size_t k = 0; k < products; k++) {
      const bool last = k + 1 == products;
      const float *used = weights + (row / RT_ROWS * products + k) * block;
      size_t second = products * block;
      rt_ahead next = {.weights = last ? weights + (row + height) / RT_ROWS * products * block : used + block,
                       .second = second, .step = RT_SQUARE};
      if (transposed) {
        const size_t plane = transposed->ins * RT_ROWS;
        const float *squares = weights + row * RT_ROWS + k * plane;
        next = (rt_ahead){.weights = last ? weights + (row + height) * RT_ROWS : squares + plane,
                          .second = RT_SQUARE, .step = products * plane};
        second = rt_transposed_blocks(transposed->block, squares, next.step, depth, blocks);
        used = transposed->block;
      }
      if (last && !more && row + height >= rows) next.weights = NULL;
      for (size_t part = 0; part < parts; part++) {
        const size_t first = count * part / parts, of_part = count * (part + 1) / parts - first;
        const float *from[RT_SINGLE_POSITIONS];
        for (size_t t = 0; t < of_part; t++) from[t] = inputs + k * tiles->step + (first + t) * depth;
        const rt_terms terms = {from, 1, depth / LANES, LANES, tiles->pairing != RT_FLOATS};
        rt_tile(scratch + (k * count + first) * height, used, second, blocks, &terms, of_part,
                rt_ahead_of_pass(next, depth, part, parts));
      }
    }
    const size_t moved = row / LANES * out_step, vectors = vectors_left(rows - row, height / LANES);
    const rt_finish f = rt_finish_from(finish, moved);
    if (side == 2)
      output_of(out + moved, out_step, (const lanes *)scratch, height / LANES, vectors, row, tiles, &f, 2);
    else
      output_of(out + moved, out_step, (const lanes *)scratch, height / LANES, vectors, row, tiles, &f, 4);
  }
}

/* G' u, the adjoint of transform_weights, for values that are `step` vectors apart. */
INLINE void transform_weight_gradient(lanes *g, const lanes *u, size_t step) {
  const lanes sum1 = u[step] + u[2 * step], difference1 = u[2 * step] - u[step];
  const lanes sum2 = u[3 * step] + u[4 * step], difference2 = u[3 * step] - u[4 * step];
  g[0] = u[0] * (1.0f / 4) - sum1 * (1.0f / 6) + sum2 * (1.0f / 24);
  g[1] = difference1 * (1.0f / 6) + difference2 * (1.0f / 12);
  g[2] = sum2 * (1.0f / 6) - sum1 * (1.0f / 6) + u[5 * step];
}

CLONES WIDE void rt_winograd_weight_gradient(float *restrict gradient, const float *restrict sums, size_t step,
                                             size_t ins, size_t outs) {
  for (size_t o = 0; o < outs; o += LANES) {
    const float *from = sums + o;
    lanes columns[MOST][3], taps[3][3];
    for (size_t j = 0; j < MOST; j++) {
      lanes column[MOST];
      for (size_t i = 0; i < MOST; i++) column[i] = *(const lanes *)(from + (i * MOST + j) * step);
      transform_weight_gradient(columns[j], column, 1);
    }
    for (size_t i = 0; i < 3; i++) transform_weight_gradient(taps[i], &columns[0][i], 3);
    const size_t count = outs - o < LANES ? outs - o : LANES;
    _Alignas(64) float rows[LANES][LANES] = {{0}}, windows[LANES][LANES];
    for (size_t tap = 0; tap < TAPS; tap++) *(lanes *)rows[tap] = taps[tap / 3][tap % 3];
    transpose16(windows[0], LANES, rows[0], LANES);
    for (size_t k = 0; k < count; k++)
      for (size_t tap = 0; tap < TAPS; tap++) gradient[(o + k) * ins * TAPS + tap] += windows[k][tap];
  }
}
