#include <string.h>

#include "clones.h"
#include "epilogue.h"
#include "vec16.h"
#include "vnni.h"
#include "weights.h"
#include "windows.h"

/* The transforms of Lavin and Gray, with the points 0, 1, -1 for a side of 2, and 2, -2 too for a side of 4. Vectors
   hold 16 channels of one position, or 16 outputs of one tap. */

/* Rows and columns of a transformed tile, at most. */
enum { MAX_EXTENT = 6 };

/* G g for weights that are `stride` vectors apart. */
INLINE void transform_weights(vec16 *t, const vec16 *g, size_t stride, int side) {
  const vec16 g0 = g[0], g1 = g[stride], g2 = g[2 * stride];
  const vec16 even = g0 + g2, far = g0 + 4 * g2, twice = 2 * g1;
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

/* B' d for values that are `stride` vectors apart. */
INLINE void transform_input(vec16 *t, const vec16 *d, ptrdiff_t stride, int side) {
  const vec16 d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride];
  if (side == 2) {
    t[0] = d0 - d2;
    t[1] = d1 + d2;
    t[2] = d2 - d1;
    t[3] = d1 - d3;
  } else {
    const vec16 d4 = d[4 * stride], d5 = d[5 * stride];
    const vec16 a = d4 - 4 * d2, b = d3 - 4 * d1, c = d4 - d2, e = 2 * (d3 - d1);
    t[0] = 4 * d0 - 5 * d2 + d4;
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4 * d1 - 5 * d3 + d5;
  }
}

/* A' m for values that are `stride` vectors apart. */
INLINE void transform_output(vec16 *y, const vec16 *m, size_t stride, int side) {
  const vec16 m0 = m[0], m1 = m[stride], m2 = m[2 * stride], m3 = m[3 * stride];
  if (side == 2) {
    y[0] = m0 + m1 + m2;
    y[1] = m1 - m2 - m3;
  } else {
    const vec16 m4 = m[4 * stride], m5 = m[5 * stride];
    const vec16 sum1 = m1 + m2, difference1 = m1 - m2, sum2 = m3 + m4, difference2 = m3 - m4;
    y[0] = m0 + sum1 + sum2;
    y[1] = difference1 + 2 * difference2;
    y[2] = sum1 + 4 * sum2;
    y[3] = difference1 + 8 * difference2 + m5;
  }
}

/* A y, the adjoint of transform_output, for values that are `stride` vectors apart. */
INLINE void transform_gradient(vec16 *m, const vec16 *y, size_t stride) {
  const vec16 y0 = y[0], y1 = y[stride], y2 = y[2 * stride], y3 = y[3 * stride];
  const vec16 even = y0 + y2, odd = y1 + y3, far = y0 + 4 * y2, farther = 2 * y1 + 8 * y3;
  m[0] = y0;
  m[1] = even + odd;
  m[2] = even - odd;
  m[3] = far + farther;
  m[4] = far - farther;
  m[5] = y3;
}

/* Transforms the columns of 16 outputs' taps, which are `stride` vectors apart: the first half of G g G'. */
INLINE void transform_weight_columns(vec16 columns[3][MAX_EXTENT], const vec16 *taps, size_t stride, int side) {
  for (size_t x = 0; x < 3; x++) transform_weights(columns[x], taps + x * stride, 3 * stride, side);
}

INLINE void transform_row_block(float *restrict transformed, const rt_weights *weights, int side, bool is_bf16) {
  const size_t block = is_bf16 ? 2 * VEC16 : VEC16, blocks = ((size_t)weights->ins + block - 1) / block;
  const size_t product_stride = blocks * VEC16 * RT_MR;
  for (size_t i = 0; i < blocks * VEC16; i++) {
    const size_t in = i / VEC16 * block + i % VEC16;
    _Alignas(64) float taps[TAPS][RT_MR], others[TAPS][RT_MR];
    taps_of_input(taps, weights, (int32_t)in);
    if (is_bf16) taps_of_input(others, weights, (int32_t)in + VEC16);
    for (size_t half = 0; half < RT_MR; half += VEC16) {
      vec16 columns[3][MAX_EXTENT], other_columns[3][MAX_EXTENT], row[MAX_EXTENT], other[MAX_EXTENT];
      transform_weight_columns(columns, (const vec16 *)(taps[0] + half), RT_MR / VEC16, side);
      if (is_bf16) transform_weight_columns(other_columns, (const vec16 *)(others[0] + half), RT_MR / VEC16, side);
      float *out = transformed + i * RT_MR + half;
      for (int y = 0; y < side + 2; y++) {
        transform_weights(row, &columns[0][y], MAX_EXTENT, side);
        if (is_bf16) transform_weights(other, &other_columns[0][y], MAX_EXTENT, side);
        for (int x = 0; x < side + 2; x++, out += product_stride)
          if (is_bf16)
            write_bf16_pairs(out, &row[x], &other[x]);
          else
            *(vec16 *)out = row[x];
      }
    }
  }
}

CLONES WIDE void rt_winograd_weights(float *transformed, const rt_weights *weights, int32_t side, rt_format format) {
  if (side == 2)
    transform_row_block(transformed, weights, 2, format != RT_F32);
  else if (format != RT_F32)
    transform_row_block(transformed, weights, 4, true);
  else
    transform_row_block(transformed, weights, 4, false);
}

CLONES WIDE void rt_winograd_windows(float *windows, const rt_weights *weights) {
  const int32_t depth = (weights->ins + RT_MR - 1) / RT_MR * RT_MR;
  for (int32_t in = 0; in < depth; in++) taps_of_input((float(*)[RT_MR])(windows + in * TAPS * RT_MR), weights, in);
}

/* Floats from one product's weights to the next, of RT_MR inputs and RT_MR outputs; so much more than they have that
   these do not all meet in the same part of a cache. */
enum { WINDOW_PRODUCT = RT_SQUARE + VEC16 };

/* Transforms the taps of 16 outputs for one input.
     transformed   [(side + 2)^2], WINDOW_PRODUCT floats apart */
INLINE void transform_window(float *restrict transformed, const vec16 *taps, size_t stride, int side) {
  vec16 columns[3][MAX_EXTENT], row[MAX_EXTENT];
  transform_weight_columns(columns, taps, stride, side);
  for (int y = 0; y < side + 2; y++) {
    transform_weights(row, &columns[0][y], MAX_EXTENT, side);
    for (int x = 0; x < side + 2; x++, transformed += WINDOW_PRODUCT) *(vec16 *)transformed = row[x];
  }
}

/* Transforms windows of RT_MR outputs.
     transformed   [(side + 2)^2][depth][32], products WINDOW_PRODUCT floats apart
     windows       [depth][9][32], or transposed [32][9][32 of depth] */
INLINE void transform_windows(float *restrict transformed, const float *restrict windows, size_t depth,
                              bool transposed, int side) {
  if (!transposed) {
    for (size_t k = 0; k < depth; k++)
      for (size_t half = 0; half < RT_MR; half += VEC16)
        transform_window(transformed + k * RT_MR + half, (const vec16 *)(windows + k * TAPS * RT_MR + half),
                         RT_MR / VEC16, side);
    return;
  }
  for (size_t half = 0; half < RT_MR; half += VEC16)
    for (size_t k = 0; k < depth; k += VEC16) {
      vec16 taps[VEC16][TAPS], lines[VEC16];
      for (size_t tap = 0; tap < TAPS; tap++) {
        for (size_t r = 0; r < VEC16; r++)
          lines[r] = *(const vec16 *)(windows + ((half + r) * TAPS + tap) * RT_MR + k);
        transpose_lines(lines);
        for (size_t i = 0; i < VEC16; i++) taps[i][tap] = lines[i];
      }
      for (size_t i = 0; i < VEC16; i++) transform_window(transformed + (k + i) * RT_MR + half, taps[i], 1, side);
    }
}

/* The first output of a Winograd tile. */
typedef struct tile_origin {
  size_t image;
  int32_t y, x;
} tile_origin;

INLINE tile_origin origin_of_tile(const rt_winograd_tiles *tiles, size_t tile, int side) {
  const rt_window *w = tiles->window;
  const size_t across = (size_t)((w->grid_width + side - 1) / side);
  const size_t down = (size_t)((w->grid_height + side - 1) / side), row = (tiles->first + tile) / across;
  return (tile_origin){.image = row / down, .y = (int32_t)(row % down) * side,
                 .x = (int32_t)((tiles->first + tile) % across) * side};
}

/* Tiles that are transformed while what another one reads is prefetched. */
enum { TILES_AHEAD = 2 };

/* The map that tiles are transformed from, and what a tile reads: `extent` rows and columns, from its origin moved by
   `top` and `left` on. */
typedef struct tile_window {
  int32_t height, width, top, left;
  int extent;
  bool rotated;
} tile_window;

/* Where these positions lie, in the first block of channels. Inside of the map they are strides apart; else each has
   its own pointer, to the zero pixel where it is outside of the map or of a tile that does not exist. */
typedef struct tile_positions {
  bool inside;
  const float *first;
  ptrdiff_t row_stride, column_stride;
  const float *pointers[MAX_EXTENT][MAX_EXTENT];
} tile_positions;

INLINE void positions_of(tile_positions *from, const float *map, const rt_winograd_tiles *tiles, size_t t, int side,
                         const tile_window *read) {
  const tile_origin tile = origin_of_tile(tiles, t, side);
  const size_t area = (size_t)read->height * (size_t)read->width;
  const float *image = map + tile.image * area * VEC16, *const zero_pixel = map + tiles->images * area * VEC16;
  const int32_t top = tile.y + read->top, left = tile.x + read->left;
  from->inside = t < tiles->count && top >= 0 && left >= 0 && top + read->extent <= read->height &&
                 left + read->extent <= read->width;
  if (from->inside) {
    from->first = image + ((ptrdiff_t)top * read->width + left) * VEC16;
    from->row_stride = read->width * VEC16;
    from->column_stride = VEC16;
    if (read->rotated) {
      from->first += (read->extent - 1) * (from->row_stride + from->column_stride);
      from->row_stride = -from->row_stride;
      from->column_stride = -from->column_stride;
    }
    return;
  }
  for (int i = 0; i < read->extent; i++)
    for (int j = 0; j < read->extent; j++) {
      const int32_t y = top + (read->rotated ? read->extent - 1 - i : i);
      const int32_t x = left + (read->rotated ? read->extent - 1 - j : j);
      from->pointers[i][j] = t >= tiles->count || y < 0 || y >= read->height || x < 0 || x >= read->width
                               ? zero_pixel
                               : image + ((ptrdiff_t)y * read->width + x) * VEC16;
    }
}

/* Prefetches these positions in all blocks. */
INLINE void prefetch_positions(const float *map, const rt_winograd_tiles *tiles, size_t t, int side,
                               const tile_window *read, size_t block_stride, size_t blocks) {
  if (t >= tiles->count) return;
  const tile_origin tile = origin_of_tile(tiles, t, side);
  const float *image = map + tile.image * (size_t)read->height * (size_t)read->width * VEC16;
  const int32_t top = tile.y + read->top, left = tile.x + read->left, end = left + read->extent;
  /* The first columns are the last of the tile before it. */
  const int32_t first = tile.x > 0 ? left + read->extent - side : left < 0 ? 0 : left;
  for (int32_t y = top < 0 ? 0 : top; y < top + read->extent && y < read->height; y++)
    for (int32_t x = first; x < end && x < read->width; x++)
      for (size_t block = 0; block < blocks; block++)
        __builtin_prefetch(image + ((ptrdiff_t)y * read->width + x) * VEC16 + block * block_stride, 0, 2);
}

INLINE void transform_map(vec16 *t, const vec16 *d, ptrdiff_t stride, int side, bool is_gradient) {
  if (is_gradient)
    transform_gradient(t, d, (size_t)stride);
  else
    transform_input(t, d, stride, side);
}

/* Transforms the columns of a tile, in the block of channels that lies `offset` floats on. */
INLINE void transform_map_columns(vec16 columns[MAX_EXTENT][MAX_EXTENT], const tile_positions *from, size_t offset,
                                  int side, bool is_gradient) {
  const int extent = is_gradient ? side : side + 2;
  if (from->inside) {
    const float *first = from->first + offset;
    for (int j = 0; j < extent; j++, first += from->column_stride) {
      vec16 column[MAX_EXTENT];
      for (int i = 0; i < extent; i++) column[i] = *(const vec16 *)(first + i * from->row_stride);
      transform_map(columns[j], column, 1, side, is_gradient);
    }
    return;
  }
  for (int j = 0; j < extent; j++) {
    vec16 column[MAX_EXTENT];
    for (int i = 0; i < extent; i++) column[i] = *(const vec16 *)(from->pointers[i][j] + offset);
    transform_map(columns[j], column, 1, side, is_gradient);
  }
}

INLINE void transform_maps(float *restrict transformed, const float *restrict map, size_t block_stride, size_t blocks,
                           const rt_winograd_tiles *tiles, const tile_window *read, int side, bool is_gradient,
                           rt_winograd_packing packing) {
  const size_t tiles_at_once = packing == RT_PACKED_TILES ? 2 : 1;
  const size_t blocks_at_once = packing == RT_PACKED_CHANNELS ? 2 : 1;
  for (size_t t = 0; t < tiles->count; t += tiles_at_once) {
    tile_positions from, next;
    positions_of(&from, map, tiles, t, side, read);
    if (packing == RT_PACKED_TILES) positions_of(&next, map, tiles, t + 1, side, read);
    for (size_t k = 0; k < tiles_at_once; k++)
      prefetch_positions(map, tiles, t + k + TILES_AHEAD, side, read, block_stride, blocks);
    float *to_tile = transformed + t / tiles_at_once * tiles->depth;
    for (size_t block = 0; block < blocks; block += blocks_at_once, to_tile += tiles->block_stride) {
      vec16 columns[MAX_EXTENT][MAX_EXTENT], others[MAX_EXTENT][MAX_EXTENT], row[MAX_EXTENT], other[MAX_EXTENT];
      transform_map_columns(columns, &from, block * block_stride, side, is_gradient);
      if (packing == RT_PACKED_TILES)
        transform_map_columns(others, &next, block * block_stride, side, is_gradient);
      else if (packing == RT_PACKED_CHANNELS && block + 1 < blocks)
        transform_map_columns(others, &from, (block + 1) * block_stride, side, is_gradient);
      else if (packing == RT_PACKED_CHANNELS)
        memset(others, 0, sizeof others);
      float *to = to_tile;
      for (int i = 0; i < side + 2; i++) {
        transform_map(row, &columns[0][i], MAX_EXTENT, side, is_gradient);
        if (packing != RT_NOT_PACKED) transform_map(other, &others[0][i], MAX_EXTENT, side, is_gradient);
        for (int j = 0; j < side + 2; j++, to += tiles->product_stride)
          if (packing == RT_NOT_PACKED)
            *(vec16 *)to = row[j];
          else
            write_bf16_pairs(to, &row[j], &other[j]);
      }
    }
  }
}

CLONES WIDE void rt_winograd_input(float *transformed, const float *input, size_t block_stride, size_t blocks,
                                   const rt_winograd_tiles *tiles) {
  const rt_window *w = tiles->window;
  const tile_window read = {w->height, w->width, w->top, w->left, tiles->side + 2, tiles->rotated};
  if (tiles->side == 2 && tiles->packing == RT_PACKED_CHANNELS)
    transform_maps(transformed, input, block_stride, blocks, tiles, &read, 2, false, RT_PACKED_CHANNELS);
  else if (tiles->side == 2)
    transform_maps(transformed, input, block_stride, blocks, tiles, &read, 2, false, RT_NOT_PACKED);
  else if (tiles->packing == RT_PACKED_CHANNELS)
    transform_maps(transformed, input, block_stride, blocks, tiles, &read, 4, false, RT_PACKED_CHANNELS);
  else if (tiles->packing == RT_PACKED_TILES)
    transform_maps(transformed, input, block_stride, blocks, tiles, &read, 4, false, RT_PACKED_TILES);
  else
    transform_maps(transformed, input, block_stride, blocks, tiles, &read, 4, false, RT_NOT_PACKED);
}

CLONES WIDE void rt_winograd_output_gradient(float *transformed, const float *gradient, size_t block_stride,
                                             size_t blocks, const rt_winograd_tiles *tiles) {
  const rt_window *w = tiles->window;
  const tile_window read = {w->grid_height, w->grid_width, 0, 0, 4, false};
  if (tiles->packing == RT_PACKED_TILES)
    transform_maps(transformed, gradient, block_stride, blocks, tiles, &read, 4, true, RT_PACKED_TILES);
  else
    transform_maps(transformed, gradient, block_stride, blocks, tiles, &read, 4, true, RT_NOT_PACKED);
}

/* Prefetches what a tile writes, and what its epilogue reads. */
INLINE void prefetch_output(float *out, size_t out_block_stride, size_t blocks, const rt_window *w,
                            const tile_origin *tile, const rt_epilogue *epilogue, int side) {
  for (int32_t y = tile->y; y < tile->y + side && y < w->grid_height; y++) {
    const size_t row = (tile->image * (size_t)w->grid_height + (size_t)y) * (size_t)w->grid_width;
    for (int32_t x = tile->x; x < tile->x + side && x < w->grid_width; x++)
      for (size_t b = 0; b < blocks; b++) {
        const size_t at = b * out_block_stride + (row + (size_t)x) * VEC16;
        __builtin_prefetch(out + at, 1, 2);
        if (epilogue->residual) __builtin_prefetch(epilogue->residual + at, 0, 2);
      }
  }
}

/* Transforms the outputs of the tiles for some blocks of 16 rows, the first of which begins with `row`.
     sums   [product][tile][width] */
INLINE void transform_outputs(float *out, size_t out_block_stride, const vec16 *sums, size_t width, size_t blocks,
                              size_t row, const rt_winograd_tiles *tiles, const rt_epilogue *epilogue, int side) {
  const rt_window *w = tiles->window;
  const size_t map = (size_t)w->grid_height * (size_t)w->grid_width, product_stride = tiles->count * width;
  for (size_t t = 0; t < tiles->count; t++) {
    const tile_origin tile = origin_of_tile(tiles, t, side);
    const size_t first = (tile.image * map + (size_t)tile.y * (size_t)w->grid_width + (size_t)tile.x) * VEC16;
    const int32_t height = w->grid_height - tile.y, width_left = w->grid_width - tile.x;
    if (t + TILES_AHEAD < tiles->count) {
      const tile_origin ahead = origin_of_tile(tiles, t + TILES_AHEAD, side);
      prefetch_output(out, out_block_stride, blocks, w, &ahead, epilogue, side);
    }
    for (size_t b = 0; b < blocks; b++) {
      const vec16 *from = sums + t * width + b;
      vec16 columns[MAX_EXTENT][4], values[4];
      for (int j = 0; j < side + 2; j++)
        transform_output(columns[j], from + (size_t)j * product_stride, (size_t)(side + 2) * product_stride, side);
      for (int i = 0; i < side; i++) {
        transform_output(values, &columns[0][i], 4, side);
        const int32_t y = tiles->rotated ? side - 1 - i : i;
        if (y >= height) continue;
        for (int j = 0; j < side; j++) {
          const int32_t x = tiles->rotated ? side - 1 - j : j;
          if (x < width_left)
            apply_epilogue(out, b * out_block_stride + first + ((size_t)y * (size_t)w->grid_width + (size_t)x) * VEC16,
                           &values[j], row + b * VEC16, epilogue);
        }
      }
    }
  }
}

CLONES WIDE void rt_winograd_output(float *out, size_t out_block_stride, const float *weights,
                                    const rt_transposed_weights *transposed, const float *inputs, size_t rows,
                                    bool more, const rt_winograd_tiles *tiles, const rt_epilogue *epilogue,
                                    float *scratch) {
  const int32_t side = tiles->side;
  const size_t products = (size_t)((side + 2) * (side + 2)), depth = tiles->depth, row_block = depth * RT_MR;
  const size_t count = tiles->count, most = rt_micro_tile_positions(rows), micro_tiles = (count + most - 1) / most;
  for (size_t row = 0; row < rows; row += 2 * RT_MR) {
    const int32_t row_blocks = rows - row > RT_MR ? 2 : 1;
    const size_t height = (size_t)row_blocks * RT_MR;
    for (size_t k = 0; k < products; k++) {
      const bool last = k + 1 == products;
      const float *own = weights + (row / RT_MR * products + k) * row_block;
      size_t row_block_stride = products * row_block;
      rt_prefetch next = {.weights = last ? weights + (row + height) / RT_MR * products * row_block : own + row_block,
                          .row_block_stride = row_block_stride, .square_stride = RT_SQUARE};
      if (transposed) {
        const size_t square_row = transposed->ins * RT_MR;
        const float *squares = weights + row * RT_MR + k * square_row;
        next = (rt_prefetch){.weights = last ? weights + (row + height) * RT_MR : squares + square_row,
                             .row_block_stride = RT_SQUARE, .square_stride = products * square_row};
        row_block_stride = rt_transpose_weights(transposed->block, squares, next.square_stride, depth, row_blocks);
        own = transposed->block;
      }
      if (last && !more && row + height >= rows) next.weights = NULL;
      for (size_t m = 0; m < micro_tiles; m++) {
        const size_t first = count * m / micro_tiles, positions = count * (m + 1) / micro_tiles - first;
        const float *pointers[RT_NR_SINGLE];
        for (size_t t = 0; t < positions; t++)
          pointers[t] = inputs + k * tiles->product_stride + (first + t) * depth;
        const rt_indirection columns = {pointers, 1, depth / VEC16, VEC16,
                                        tiles->packing == RT_NOT_PACKED ? RT_F32 : RT_BF16, false};
        rt_micro_kernel(scratch + (k * count + first) * height, own, row_block_stride, row_blocks, &columns, positions,
                        rt_prefetch_of_pass(next, depth, m, micro_tiles));
      }
    }
    const size_t moved = row / VEC16 * out_block_stride, blocks = blocks_left(rows - row, height / VEC16);
    const rt_epilogue e = rt_epilogue_at(epilogue, moved);
    const vec16 *sums = (const vec16 *)scratch;
    if (side == 2)
      transform_outputs(out + moved, out_block_stride, sums, height / VEC16, blocks, row, tiles, &e, 2);
    else
      transform_outputs(out + moved, out_block_stride, sums, height / VEC16, blocks, row, tiles, &e, 4);
  }
}

/* Multiplies the transformed windows of RT_MR inputs, from input k on, for one or two row blocks.
     sums      [(side + 2)^2][tile][row_blocks * 32], which later inputs add to
     weights   [row_blocks][(side + 2)^2][inputs][32], products WINDOW_PRODUCT floats apart
     next      windows to prefetch, of as many row blocks; none: null */
INLINE void multiply_windows(float *sums, const float *weights, const float *inputs, size_t k, int32_t row_blocks,
                             const rt_winograd_tiles *tiles, rt_prefetch next) {
  enum { LINES = TAPS * RT_SQUARE / VEC16 };
  const size_t products = (size_t)((tiles->side + 2) * (tiles->side + 2)), height = (size_t)row_blocks * RT_MR;
  const size_t blocks = (tiles->depth - k < RT_MR ? tiles->depth - k : RT_MR) / VEC16;
  const size_t most = row_blocks > 1 ? RT_NR_DOUBLE : RT_NR_SINGLE, micro_tiles = (tiles->count + most - 1) / most;
  const size_t steps = products * micro_tiles * blocks;
  next.lines = (LINES + steps - 1) / steps;
  if (next.lines > 2 * RT_BLOCK) next.lines = 2 * RT_BLOCK;
  for (size_t product = 0; product < products; product++)
    for (size_t m = 0; m < micro_tiles; m++) {
      const size_t first = tiles->count * m / micro_tiles, positions = tiles->count * (m + 1) / micro_tiles - first;
      const float *pointers[RT_NR_SINGLE];
      for (size_t t = 0; t < positions; t++)
        pointers[t] = inputs + product * tiles->product_stride + (first + t) * tiles->depth + k;
      const rt_indirection columns = {pointers, 1, blocks, VEC16, RT_F32, .accumulate = k > 0};
      next.line = (product * micro_tiles + m) * blocks * next.lines;
      if (next.line >= LINES) next.weights = NULL;
      rt_micro_kernel(sums + (product * tiles->count + first) * height, weights + product * WINDOW_PRODUCT,
                      products * WINDOW_PRODUCT, row_blocks, &columns, positions, next);
    }
}

CLONES WIDE void rt_winograd_output_by_windows(float *out, size_t out_block_stride, const float *windows,
                                               size_t row_block_stride, size_t depth_stride, bool transposed,
                                               const float *inputs, size_t rows, const rt_winograd_tiles *tiles,
                                               const rt_epilogue *epilogue, float *scratch) {
  const int32_t side = tiles->side;
  const size_t products = (size_t)((side + 2) * (side + 2));
  float *weights = scratch + rt_winograd_scratch(side, tiles->count);
  for (size_t row = 0; row < rows; row += 2 * RT_MR) {
    const int32_t row_blocks = rows - row > RT_MR ? 2 : 1;
    for (size_t k = 0; k < tiles->depth; k += RT_MR) {
      const float *own = windows + row / RT_MR * row_block_stride + k / RT_MR * depth_stride;
      const size_t depth = tiles->depth - k < RT_MR ? tiles->depth - k : RT_MR;
      for (int32_t b = 0; b < row_blocks; b++, own += row_block_stride) {
        float *to = weights + (size_t)b * products * WINDOW_PRODUCT;
        if (side == 2 && transposed)
          transform_windows(to, own, depth, true, 2);
        else if (side == 2)
          transform_windows(to, own, depth, false, 2);
        else if (transposed)
          transform_windows(to, own, depth, true, 4);
        else
          transform_windows(to, own, depth, false, 4);
      }
      const bool goes_on = k + RT_MR < tiles->depth, ends = row + 2 * RT_MR >= rows;
      const float *next = goes_on ? windows + row / RT_MR * row_block_stride + (k / RT_MR + 1) * depth_stride
                          : ends  ? NULL
                                  : windows + (row / RT_MR + 2) * row_block_stride;
      multiply_windows(scratch, weights, inputs, k, row_blocks, tiles,
                       (rt_prefetch){.weights = next, .row_block_stride = row_block_stride,
                                     .square_stride = RT_SQUARE});
    }
    const size_t moved = row / VEC16 * out_block_stride, width = (size_t)row_blocks * RT_MR / VEC16;
    const size_t blocks = blocks_left(rows - row, width);
    const rt_epilogue e = rt_epilogue_at(epilogue, moved);
    const vec16 *sums = (const vec16 *)scratch;
    if (side == 2)
      transform_outputs(out + moved, out_block_stride, sums, width, blocks, row, tiles, &e, 2);
    else
      transform_outputs(out + moved, out_block_stride, sums, width, blocks, row, tiles, &e, 4);
  }
}

/* G' u, the adjoint of transform_weights, for values that are `stride` vectors apart. */
INLINE void transform_weight_gradient(vec16 *g, const vec16 *u, size_t stride) {
  const vec16 sum1 = u[stride] + u[2 * stride], difference1 = u[2 * stride] - u[stride];
  const vec16 sum2 = u[3 * stride] + u[4 * stride], difference2 = u[3 * stride] - u[4 * stride];
  g[0] = u[0] * (1.0f / 4) - sum1 * (1.0f / 6) + sum2 * (1.0f / 24);
  g[1] = difference1 * (1.0f / 6) + difference2 * (1.0f / 12);
  g[2] = sum2 * (1.0f / 6) - sum1 * (1.0f / 6) + u[5 * stride];
}

CLONES WIDE void rt_winograd_weight_gradient(float *restrict gradient, const float *restrict sums,
                                             size_t product_stride, size_t ins, size_t outs) {
  for (size_t o = 0; o < outs; o += VEC16) {
    const float *from = sums + o;
    vec16 columns[MAX_EXTENT][3], taps[3][3];
    for (size_t j = 0; j < MAX_EXTENT; j++) {
      vec16 column[MAX_EXTENT];
      for (size_t i = 0; i < MAX_EXTENT; i++)
        column[i] = *(const vec16 *)(from + (i * MAX_EXTENT + j) * product_stride);
      transform_weight_gradient(columns[j], column, 1);
    }
    for (size_t i = 0; i < 3; i++) transform_weight_gradient(taps[i], &columns[0][i], 3);
    const size_t count = outs - o < VEC16 ? outs - o : VEC16;
    add_windows(gradient + o * ins * TAPS, ins * TAPS, &taps[0][0], count);
  }
}
