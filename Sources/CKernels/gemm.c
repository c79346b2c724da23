#include <string.h>

#include "clones.h"
#include "epilogue.h"
#include "kernels.h"
#include "vec16.h"
#include "weights.h"

/* Packs the weights of RT_MR outputs and one tap, whose inputs lie side by side: transposes them, 16 at a time. */
INLINE void pack_pointwise(float *restrict packed, const rt_weights *w) {
  for (ptrdiff_t in = 0; in < w->ins; in += VEC16) {
    const size_t count = w->ins - in < VEC16 ? (size_t)(w->ins - in) : VEC16;
    for (ptrdiff_t half = 0; half < RT_MR; half += VEC16) {
      const float *values = w->values + (w->first_out + half) * w->out_stride + w->first_in + in;
      vec16 lines[VEC16] = {0};
      for (ptrdiff_t k = 0; k < VEC16; k++) memcpy(&lines[k], values + k * w->out_stride, count * sizeof(float));
      transpose_lines(lines);
      for (size_t k = 0; k < count; k++) *(vec16 *)(packed + ((size_t)in + k) * RT_MR + half) = lines[k];
    }
  }
}

CLONES WIDE void rt_pack_weights(float *restrict packed, const rt_weights *weights, int32_t channels) {
  const int32_t taps = weights->rows * weights->columns;
  const bool transposes =
      taps == 1 && weights->in_stride == 1 && has_whole_group(weights) && !weights->out_scale && !weights->in_scale;
  if (transposes) pack_pointwise(packed, weights);
  for (int32_t i = transposes ? weights->ins : 0; i < channels; i++)
    for (int32_t y = 0; y < weights->rows; y++)
      for (int32_t x = 0; x < weights->columns; x++)
        weights_of_input(packed + (size_t)((y * weights->columns + x) * channels + i) * RT_MR, weights, i, y, x);
  for (size_t k = (size_t)taps * (size_t)channels; k % RT_BLOCK != 0; k++)
    for (size_t o = 0; o < RT_MR; o++) packed[k * RT_MR + o] = 0;
}

/* The most that is multiplied at a time of great depths: positions, and blocks of 16 of K. Then weights are prefetched
   while those before them are used, in a core's second-level cache, from nearly the first on. */
enum { MAX_POSITIONS_OF_SLICE = 16 * RT_NR_DOUBLE, MAX_BLOCKS_OF_SLICE = 32, MAX_DEPTH_OF_DOUBLE = 2304 };

/* A part of K, within one tap. */
typedef struct depth_slice {
  size_t tap, block, blocks;
} depth_slice;

/* Multiplies a slice of K for one micro-tile, adding to the sums from the second slice on.
     all   the indirection of the micro-tile */
INLINE void multiply_slice(float *sums, const float *weights, size_t row_block_stride, int32_t row_blocks,
                           const rt_indirection *all, const depth_slice *slice, size_t positions,
                           rt_prefetch prefetch) {
  const float *pointers[RT_NR_SINGLE];
  for (size_t p = 0; p < positions; p++)
    pointers[p] = all->pointers[slice->tap * positions + p] + slice->block * all->block_stride;
  const rt_indirection columns = {pointers, 1, slice->blocks, all->block_stride, all->format,
                                  .accumulate = slice->tap + slice->block > 0};
  rt_micro_kernel(sums, weights, row_block_stride, row_blocks, &columns, positions, prefetch);
}

/* rt_gemm for few positions of great depth, slice by slice. */
INLINE void multiply_slices(float *out, size_t out_block_stride, const size_t *out_offsets, const float *weights,
                            const rt_transposed_weights *transposed, const rt_indirection *input, size_t rows,
                            size_t count, bool more, const rt_epilogue *epilogue) {
  _Alignas(64) float sums[MAX_POSITIONS_OF_SLICE * 2 * RT_MR];
  const size_t most = rt_micro_tile_positions(rows), micro_tiles = (count + most - 1) / most;
  const size_t row_block = input->taps * input->blocks * RT_BLOCK * RT_MR;
  for (size_t row = 0; row < rows; row += 2 * RT_MR) {
    const int32_t row_blocks = rows - row > RT_MR ? 2 : 1;
    const size_t height = (size_t)row_blocks * RT_MR, blocks = blocks_left(rows - row, height / VEC16);
    const size_t moved = row / VEC16 * out_block_stride;
    const rt_epilogue e = rt_epilogue_at(epilogue, moved);
    depth_slice slice = {0, 0, 0};
    for (size_t k = 0; slice.tap < input->taps; k += slice.blocks * RT_BLOCK) {
      const size_t left = input->blocks - slice.block;
      slice.blocks = left < MAX_BLOCKS_OF_SLICE ? left : MAX_BLOCKS_OF_SLICE;
      const size_t depth = slice.blocks * RT_BLOCK;
      const bool is_last = slice.block + slice.blocks == input->blocks && slice.tap + 1 == input->taps;
      const float *own = weights + row / RT_MR * row_block + k * RT_MR;
      rt_prefetch next = {.weights = is_last ? weights + (row + height) / RT_MR * row_block : own + depth * RT_MR,
                          .row_block_stride = row_block, .square_stride = RT_SQUARE};
      size_t row_block_stride = row_block;
      if (transposed) {
        const size_t square_stride = transposed->ins * RT_MR;
        const float *squares = weights + row * RT_MR + k / RT_MR * square_stride;
        next = (rt_prefetch){.weights = is_last ? weights + (row + height) * RT_MR
                                                : squares + depth / RT_MR * square_stride,
                             .row_block_stride = RT_SQUARE, .square_stride = square_stride};
        row_block_stride = rt_transpose_weights(transposed->block, squares, square_stride, depth, row_blocks);
        own = transposed->block;
      }
      if (is_last && !more && row + height >= rows) next.weights = NULL;
      for (size_t t = 0; t < micro_tiles; t++) {
        const size_t first = count * t / micro_tiles, positions = count * (t + 1) / micro_tiles - first;
        rt_indirection columns = *input;
        columns.pointers += first * input->taps;
        if (is_last)
          for (size_t p = first; p < first + positions; p++)
            for (size_t b = 0; b < blocks; b++)
              prefetch_epilogue(out + moved, b * out_block_stride + out_offsets[p], &e);
        multiply_slice(sums + first * height, own, row_block_stride, row_blocks, &columns, &slice, positions,
                       rt_prefetch_of_pass(next, depth, t, micro_tiles));
      }
      slice.block += slice.blocks;
      if (slice.block == input->blocks) slice.block = 0, slice.tap++;
    }
    for (size_t p = 0; p < count; p++)
      for (size_t b = 0; b < blocks; b++)
        apply_epilogue(out + moved, b * out_block_stride + out_offsets[p],
                       (const vec16 *)(sums + p * height + b * VEC16), row + b * VEC16, &e);
  }
}

CLONES WIDE void rt_gemm(float *out, size_t out_block_stride, const size_t *out_offsets, const float *weights,
                         const rt_transposed_weights *transposed, const rt_indirection *input, size_t rows,
                         size_t count, bool more, const rt_epilogue *epilogue) {
  if (count <= MAX_POSITIONS_OF_SLICE && input->taps * input->blocks > MAX_BLOCKS_OF_SLICE) {
    multiply_slices(out, out_block_stride, out_offsets, weights, transposed, input, rows, count, more, epilogue);
    return;
  }
  _Alignas(64) float sums[RT_NR_DOUBLE * 2 * RT_MR];
  _Static_assert(RT_NR_SINGLE <= 2 * RT_NR_DOUBLE, "sums of single row blocks fit");
  const size_t most = rt_micro_tile_positions(rows), micro_tiles = (count + most - 1) / most;
  const size_t depth = input->taps * input->blocks * RT_BLOCK, row_block = depth * RT_MR;
  /* Two row blocks of great depth would not stay in a core's second-level cache beside those that are prefetched. */
  const size_t at_once = depth <= MAX_DEPTH_OF_DOUBLE ? 2 * RT_MR : RT_MR;
  for (size_t row = 0; row < rows; row += at_once) {
    const int32_t row_blocks = at_once > RT_MR && rows - row > RT_MR ? 2 : 1;
    const size_t blocks = blocks_left(rows - row, (size_t)row_blocks * RT_MR / VEC16);
    const float *own = weights + row / RT_MR * row_block;
    rt_prefetch next = {.weights = own + (size_t)row_blocks * row_block, .row_block_stride = row_block,
                        .square_stride = RT_SQUARE};
    size_t row_block_stride = row_block;
    if (transposed) {
      const float *squares = weights + row * RT_MR;
      next.weights = squares + row_blocks * RT_SQUARE;
      next.row_block_stride = RT_SQUARE;
      next.square_stride = transposed->ins * RT_MR;
      row_block_stride = rt_transpose_weights(transposed->block, squares, next.square_stride, depth, row_blocks);
      own = transposed->block;
    }
    if (!more && row + (size_t)row_blocks * RT_MR >= rows) next.weights = NULL;
    const size_t moved = row / VEC16 * out_block_stride;
    const rt_epilogue e = rt_epilogue_at(epilogue, moved);
    for (size_t t = 0; t < micro_tiles; t++) {
      const size_t first = count * t / micro_tiles, positions = count * (t + 1) / micro_tiles - first;
      const size_t *to = out_offsets + first;
      for (size_t p = 0; p < positions; p++)
        for (size_t b = 0; b < blocks; b++) prefetch_epilogue(out + moved, b * out_block_stride + to[p], &e);
      rt_indirection columns = *input;
      columns.pointers += first * input->taps;
      rt_micro_kernel(sums, own, row_block_stride, row_blocks, &columns, positions,
                      rt_prefetch_of_pass(next, depth, t, micro_tiles));
      for (size_t p = 0; p < positions; p++)
        for (size_t b = 0; b < blocks; b++)
          apply_epilogue(out + moved, b * out_block_stride + to[p],
                         (const vec16 *)(sums + p * (size_t)row_blocks * RT_MR + b * VEC16), row + b * VEC16, &e);
    }
  }
}
