#include "clones.h"
#include "epilogue.h"
#include "kernels.h"
#include "vec16.h"
#include "windows.h"

/* In one dimension: points of F(4, 2), which are 0, 1, -1, 2 and infinity; outputs of a tile, and its products; what a
   tile sees of the input, and of the output's gradient; and the matrices of weights. */
enum {
  POINTS = 5,
  SIDE = 4,
  PRODUCTS = POINTS + SIDE,
  SEEN = 2 * SIDE + 1,
  SEEN_GRADIENTS = SIDE + 1,
  MATRICES = POINTS + 1
};

INLINE size_t products_of(size_t index) { return index < POINTS ? 1 : SIDE; }

/* Products of the matrices before that of these rows and columns. */
INLINE size_t products_before(size_t row, size_t column) {
  return row * PRODUCTS + products_of(row) * (column < POINTS ? column : POINTS);
}

rt_strided_matrix rt_strided_matrix_at(size_t index) {
  const size_t row = index / MATRICES, column = index % MATRICES;
  return (rt_strided_matrix){.products = products_of(row) * products_of(column),
                             .first = products_before(row, column)};
}

/* Where the products of tile t lie: that of row i and column j at first[i][j] + t step[i][j]. */
typedef struct product_places {
  size_t first[PRODUCTS][PRODUCTS], step[PRODUCTS][PRODUCTS];
} product_places;

/* Of so many tiles, with products `stride` apart. */
INLINE void places_of_products(product_places *places, size_t tiles, size_t stride) {
  for (size_t row = 0; row < PRODUCTS; row++)
    for (size_t column = 0; column < PRODUCTS; column++) {
      const size_t i = row < POINTS ? row : POINTS, j = column < POINTS ? column : POINTS;
      places->step[row][column] = products_of(i) * products_of(j) * stride;
      places->first[row][column] =
          (products_before(i, j) * tiles + (row - i) * products_of(j) + column - j) * stride;
    }
}

/* B' d, for values that are `stride` vectors apart. */
INLINE void transform_odd(vec16 *t, const vec16 *d, size_t stride) {
  const vec16 d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride], a = d3 - d1;
  t[0] = 2 * (d[0] - d2) + a;
  t[1] = d3 - d2 - 2 * d1;
  t[2] = d3 - 3 * d2 + 2 * d1;
  t[3] = a;
  t[4] = d[4 * stride] - d2 - 2 * a;
}

/* A' m, for values that are `stride` vectors apart. */
INLINE void transform_products(vec16 *y, const vec16 *m, size_t stride) {
  const vec16 sum = m[stride] + m[2 * stride], difference = m[stride] - m[2 * stride], m3 = m[3 * stride];
  y[0] = m[0] + sum + m3;
  y[1] = difference + 2 * m3;
  y[2] = sum + 4 * m3;
  y[3] = difference + 8 * m3 + m[4 * stride];
}

typedef enum transform { OF_INPUT, OF_GRADIENT, ADJOINT } transform;

INLINE size_t seen_by(transform kind) { return kind == OF_INPUT ? SEEN : kind == OF_GRADIENT ? SEEN_GRADIENTS : SIDE; }

/* What a tile sees in one dimension to its products, for values that are `stride` vectors apart. */
INLINE void transform_seen(vec16 *t, const vec16 *d, size_t stride, transform kind) {
  if (kind == ADJOINT) {
    const vec16 y0 = d[0], y1 = d[stride], y2 = d[2 * stride], y3 = d[3 * stride];
    const vec16 even = y0 + y2, odd = y1 + y3;
    t[0] = y0;
    t[1] = even + odd;
    t[2] = even - odd;
    t[3] = y0 + 4 * y2 + 2 * y1 + 8 * y3;
    t[4] = y3;
  } else {
    transform_odd(t, d, kind == OF_INPUT ? 2 * stride : stride);
  }
  for (size_t q = 0; q < SIDE; q++) t[POINTS + q] = d[kind == OF_INPUT ? (2 * q + 1) * stride : q * stride];
}

/* The first output of a tile. */
typedef struct tile_origin {
  size_t image;
  int32_t y, x;
} tile_origin;

INLINE tile_origin origin_of_tile(const rt_strided_tiles *tiles, size_t tile) {
  const size_t across = (size_t)(tiles->grid_width + SIDE - 1) / SIDE;
  const size_t down = (size_t)(tiles->grid_height + SIDE - 1) / SIDE, row = (tiles->first + tile) / across;
  return (tile_origin){.image = row / down, .y = (int32_t)(row % down) * SIDE,
                       .x = (int32_t)((tiles->first + tile) % across) * SIDE};
}

INLINE void transform_maps(float *restrict transformed, const float *restrict map, size_t map_block_stride,
                           size_t blocks, const rt_strided_tiles *tiles, transform kind) {
  const bool is_input = kind == OF_INPUT;
  const int32_t height = is_input ? tiles->height : tiles->grid_height, seen = (int32_t)seen_by(kind);
  const int32_t width = is_input ? tiles->width : tiles->grid_width;
  const float *const zero_pixel = map + tiles->images * (size_t)height * (size_t)width * VEC16;
  product_places places;
  places_of_products(&places, tiles->count, tiles->depth);
  for (size_t t = 0; t < tiles->count; t++) {
    const tile_origin tile = origin_of_tile(tiles, t);
    const int32_t top = is_input ? 2 * tile.y - 1 : tile.y, left = is_input ? 2 * tile.x - 1 : tile.x;
    const float *image = map + tile.image * (size_t)height * (size_t)width * VEC16, *pointers[SEEN][SEEN];
    for (int32_t i = 0; i < seen; i++)
      for (int32_t j = 0; j < seen; j++) {
        const int32_t y = top + i, x = left + j;
        pointers[i][j] = y < 0 || y >= height || x < 0 || x >= width
                             ? zero_pixel
                             : image + ((ptrdiff_t)y * width + x) * VEC16;
      }
    for (size_t block = 0; block < blocks; block++) {
      vec16 columns[SEEN][PRODUCTS], row[PRODUCTS];
      for (int32_t j = 0; j < seen; j++) {
        vec16 column[SEEN];
        for (int32_t i = 0; i < seen; i++) column[i] = *(const vec16 *)(pointers[i][j] + block * map_block_stride);
        transform_seen(columns[j], column, 1, kind);
      }
      float *to = transformed + block * tiles->block_stride;
      for (size_t i = 0; i < PRODUCTS; i++) {
        transform_seen(row, &columns[0][i], PRODUCTS, kind);
        for (size_t j = 0; j < PRODUCTS; j++)
          *(vec16 *)(to + places.first[i][j] + t * places.step[i][j]) = row[j];
      }
    }
  }
}

CLONES WIDE void rt_strided_input(float *transformed, const float *map, size_t map_block_stride, size_t blocks,
                                  const rt_strided_tiles *tiles, rt_strided_direction direction) {
  if (direction == RT_STRIDED_FORWARD)
    transform_maps(transformed, map, map_block_stride, blocks, tiles, OF_INPUT);
  else
    transform_maps(transformed, map, map_block_stride, blocks, tiles, OF_GRADIENT);
}

CLONES WIDE void rt_strided_output_gradient(float *transformed, const float *gradient, size_t map_block_stride,
                                            size_t blocks, const rt_strided_tiles *tiles) {
  transform_maps(transformed, gradient, map_block_stride, blocks, tiles, ADJOINT);
}

/* Products in one dimension to what is written of it, for values that are `stride` vectors apart: outputs, or even and
   odd positions of the input by turns. */
INLINE void transform_back(vec16 *y, const vec16 *m, size_t stride, bool is_gradient) {
  vec16 odd[SIDE];
  transform_products(odd, m, stride);
  for (size_t q = 0; q < SIDE; q++) {
    const vec16 even = m[(POINTS + q) * stride];
    if (is_gradient) {
      y[2 * q] = even;
      y[2 * q + 1] = odd[q];
    } else {
      y[q] = odd[q] + even;
    }
  }
}

/* Transforms the products of the tiles back, for some blocks of 16 rows, the first of which begins with `row`.
     sums   [36][tile][product][width] */
INLINE void transform_outputs(float *out, size_t out_block_stride, const vec16 *sums, size_t width, size_t blocks,
                              size_t row, const rt_strided_tiles *tiles, const rt_epilogue *epilogue,
                              bool is_gradient) {
  const int32_t factor = is_gradient ? 2 : 1, side = factor * SIDE;
  const int32_t out_height = is_gradient ? tiles->height : tiles->grid_height;
  const int32_t out_width = is_gradient ? tiles->width : tiles->grid_width;
  product_places places;
  places_of_products(&places, tiles->count, width);
  for (size_t t = 0; t < tiles->count; t++) {
    const tile_origin tile = origin_of_tile(tiles, t);
    const size_t first = tile.image * (size_t)out_height;
    for (size_t b = 0; b < blocks; b++) {
      vec16 columns[PRODUCTS][2 * SIDE], values[2 * SIDE];
      for (size_t j = 0; j < PRODUCTS; j++) {
        vec16 column[PRODUCTS];
        for (size_t i = 0; i < PRODUCTS; i++) column[i] = sums[places.first[i][j] + t * places.step[i][j] + b];
        transform_back(columns[j], column, 1, is_gradient);
      }
      for (int32_t i = 0; i < side; i++) {
        const int32_t y = factor * tile.y + i;
        if (y >= out_height) break;
        transform_back(values, &columns[0][i], 2 * SIDE, is_gradient);
        for (int32_t j = 0; j < side; j++) {
          const int32_t x = factor * tile.x + j;
          if (x < out_width)
            apply_epilogue(out, b * out_block_stride + ((first + (size_t)y) * (size_t)out_width + (size_t)x) * VEC16,
                           &values[j], row + b * VEC16, epilogue);
        }
      }
    }
  }
}

CLONES WIDE void rt_strided_output(float *out, size_t out_block_stride, const float *weights, const float *inputs,
                                   size_t rows, const rt_strided_tiles *tiles, rt_strided_direction direction,
                                   const rt_epilogue *epilogue, float *scratch) {
  const size_t depth = tiles->depth, row_block = depth * RT_MR, most = rt_micro_tile_positions(rows);
  for (size_t row = 0; row < rows; row += 2 * RT_MR) {
    const int32_t row_blocks = rows - row > RT_MR ? 2 : 1;
    const size_t height = (size_t)row_blocks * RT_MR;
    for (size_t k = 0; k < RT_STRIDED_MATRICES; k++) {
      const rt_strided_matrix matrix = rt_strided_matrix_at(k);
      const float *own = weights + (row / RT_MR * RT_STRIDED_MATRICES + k) * row_block;
      const float *columns = inputs + matrix.first * tiles->count * depth;
      float *sums = scratch + matrix.first * tiles->count * height;
      const size_t count = tiles->count * matrix.products, micro_tiles = (count + most - 1) / most;
      const rt_prefetch next = {.weights = k + 1 < RT_STRIDED_MATRICES ? own + row_block : NULL,
                                .row_block_stride = RT_STRIDED_MATRICES * row_block, .square_stride = RT_SQUARE};
      for (size_t m = 0; m < micro_tiles; m++) {
        const size_t first = count * m / micro_tiles, positions = count * (m + 1) / micro_tiles - first;
        const float *pointers[RT_NR_SINGLE];
        for (size_t p = 0; p < positions; p++) pointers[p] = columns + (first + p) * depth;
        const rt_indirection input = {pointers, 1, depth / VEC16, VEC16, RT_F32, false};
        rt_micro_kernel(sums + first * height, own, RT_STRIDED_MATRICES * row_block, row_blocks, &input, positions,
                        rt_prefetch_of_pass(next, depth, m, micro_tiles));
      }
    }
    const size_t moved = row / VEC16 * out_block_stride, blocks = blocks_left(rows - row, height / VEC16);
    const rt_epilogue e = rt_epilogue_at(epilogue, moved);
    const vec16 *sums = (const vec16 *)scratch;
    if (direction == RT_STRIDED_GRADIENT)
      transform_outputs(out + moved, out_block_stride, sums, height / VEC16, blocks, row, tiles, &e, true);
    else
      transform_outputs(out + moved, out_block_stride, sums, height / VEC16, blocks, row, tiles, &e, false);
  }
}

/* G g, of taps that are `stride` vectors apart, and the middle one. The gradient sees the outer taps in reverse. */
INLINE void transform_taps(vec16 *u, const vec16 *g, size_t stride, bool is_gradient) {
  const vec16 a = g[is_gradient ? 2 * stride : 0], b = g[is_gradient ? 0 : 2 * stride];
  u[0] = a * 0.5f;
  u[1] = (a + b) * -0.5f;
  u[2] = (b - a) * (1.0f / 6);
  u[3] = (a + 2 * b) * (1.0f / 6);
  u[4] = b;
  u[5] = g[stride];
}

CLONES WIDE void rt_strided_weights(float *transformed, const rt_weights *weights, rt_strided_direction direction) {
  const bool is_gradient = direction == RT_STRIDED_GRADIENT;
  const size_t depth = ((size_t)weights->ins + VEC16 - 1) / VEC16 * VEC16;
  for (size_t in = 0; in < depth; in++) {
    _Alignas(64) float taps[TAPS][RT_MR];
    taps_of_input(taps, weights, (int32_t)in);
    for (size_t half = 0; half < RT_MR; half += VEC16) {
      vec16 columns[3][MATRICES], row[MATRICES];
      for (size_t x = 0; x < 3; x++)
        transform_taps(columns[x], (const vec16 *)(taps[x] + half), 3 * RT_MR / VEC16, is_gradient);
      float *out = transformed + in * RT_MR + half;
      for (size_t y = 0; y < MATRICES; y++) {
        transform_taps(row, &columns[0][y], MATRICES, is_gradient);
        for (size_t x = 0; x < MATRICES; x++, out += depth * RT_MR) *(vec16 *)out = row[x];
      }
    }
  }
}

/* The adjoint of transform_taps. */
INLINE void transform_taps_gradient(vec16 *g, const vec16 *u, size_t stride) {
  const vec16 half = u[stride] * 0.5f;
  g[0] = u[0] * 0.5f - half + (u[3 * stride] - u[2 * stride]) * (1.0f / 6);
  g[1] = u[5 * stride];
  g[2] = u[2 * stride] * (1.0f / 6) - half + u[3 * stride] * (1.0f / 3) + u[4 * stride];
}

CLONES WIDE void rt_strided_weight_gradient(float *restrict gradient, const float *restrict sums, size_t matrix_stride,
                                            size_t ins, size_t outs) {
  for (size_t o = 0; o < outs; o += VEC16) {
    vec16 columns[MATRICES][3], taps[3][3];
    for (size_t j = 0; j < MATRICES; j++) {
      vec16 column[MATRICES];
      for (size_t i = 0; i < MATRICES; i++)
        column[i] = *(const vec16 *)(sums + o + (i * MATRICES + j) * matrix_stride);
      transform_taps_gradient(columns[j], column, 1);
    }
    for (size_t i = 0; i < 3; i++) transform_taps_gradient(taps[i], &columns[0][i], 3);
    add_windows(gradient + o * ins * TAPS, ins * TAPS, &taps[0][0], outs - o < VEC16 ? outs - o : VEC16);
  }
}
