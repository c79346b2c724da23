#ifndef DIRECT_H
#define DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convolution.h"
#include "layout.h"

#pragma clang assume_nonnull begin

/* Direct and im2col convolution: an indirect GEMM in float32. */

/* Positions of a micro-tile of two row blocks, and of one. */
enum { RT_NR_DOUBLE = 6, RT_NR_SINGLE = 8 };

/* The most positions of a micro-tile for so many rows. */
static inline size_t rt_micro_tile_positions(size_t rows) { return rows > RT_MR ? RT_NR_DOUBLE : RT_NR_SINGLE; }

/* The right-hand operand of a micro-kernel of `count` positions.
     pointers   [taps][count]: where a position's first block of 16 channels lies for each tap; the other blocks follow
                `block_stride` floats apart. K is taps * blocks * 16
     format     RT_F32, or RT_BF16: words of two bfloat16 in place of floats, in the weights too
     accumulate whether the products are added to what the sums are, as if K went on */
typedef struct rt_indirection {
  const float *_Nonnull const *_Nonnull pointers;
  size_t taps, blocks, block_stride;
  rt_format format;
  bool accumulate;
} rt_indirection;

/* Weights to prefetch while others are multiplied: of as many row blocks, `row_block_stride` floats apart, `lines`
   cache lines for each 16 of K, from line `line` on, counted through squares that are `square_stride` floats apart.
   They need not exist. */
typedef struct rt_prefetch {
  const float *_Nullable weights;
  size_t row_block_stride, square_stride, line, lines;
} rt_prefetch;

/* The share of the prefetch that is due in pass `pass` of `passes` over the weights. Memory is slower than one pass,
   so all share the work. */
static inline rt_prefetch rt_prefetch_of_pass(rt_prefetch all, size_t depth, size_t pass, size_t passes) {
  enum { MOST = 2 * RT_BLOCK };
  all.lines = passes < MOST ? (MOST + passes - 1) / passes : 1;
  all.line = pass * depth / RT_BLOCK * all.lines;
  if (all.line >= 2 * depth) all.weights = (const float *)0;
  return all;
}

/* The micro-kernel.
     sums      [count][row_blocks * 32]
     weights   [row_blocks][K][32], row blocks `row_block_stride` floats apart
     input     K by `count` positions */
void rt_micro_kernel(float *sums, const float *weights, size_t row_block_stride, int32_t row_blocks,
                     const rt_indirection *input, size_t count, rt_prefetch prefetch);

/* The micro-kernel as written for one kind of CPU. */
typedef struct rt_micro_kernel_variant {
  const char *name;
  void (*kernel)(float *sums, const float *weights, size_t row_block_stride, int32_t row_blocks,
                 const rt_indirection *input, size_t count, rt_prefetch prefetch);
} rt_micro_kernel_variant;

/* The variants that this CPU can execute; the first is the one that is used. */
const rt_micro_kernel_variant *rt_micro_kernel_variants(size_t *count);

/* Packs a row block, with up to RT_MR outputs; the rest is zeros.
     packed   [K][32], K being [tap][channel], a tap's inputs filled up to `channels` and K to whole 16s */
void rt_pack_weights(float *packed, const rt_weights *weights, int32_t channels);

/* Weights packed for the convolution, of which its input gradient transposes row blocks when it needs them. */
typedef struct rt_transposed_weights {
  size_t ins;   /* inputs of the convolution, which are its K and the gradient's rows */
  float *block; /* [2][K, up to whole 32s][32], scratch */
} rt_transposed_weights;

/* Transposes packed weights for one or two row blocks of the gradient.
     out       [row_blocks][K, up to whole 32s][32]
     packed    the squares of these rows in the first row block; the other row blocks follow `stride` floats apart
   Returns the stride of the row blocks of `out`. */
size_t rt_transpose_weights(float *out, const float *packed, size_t stride, size_t depth, int32_t row_blocks);

/* Fills the indirection buffer and the output offsets for positions first..<first + count of the grid, over all images.
     pointers      for each micro-tile of up to `micro_tile` positions [taps][positions], one after the other
     out_offsets   [count]
     input         [C/16][N*H*W + 1][16]; pointers are to its first block */
void rt_fill_indirection(const float *_Nullable *_Nonnull pointers, size_t *out_offsets, const float *input,
                         const rt_window *window, size_t images, size_t first, size_t count, size_t micro_tile);

/* Copies the patches that the window covers, for few channels.
     patches   [count][depth]: [tap][channel], filled up with zeros. The last vector may be written 16 floats too far
     input     [1][N*H*W + 1][16], of which the first `channels` channels are read */
void rt_im2col(float *patches, const float *input, int32_t channels, const rt_window *window, size_t images,
               size_t first, size_t count, size_t depth);

/* Multiplies for some rows and positions, and applies the epilogue.
     out           [rows/16][positions][16], blocks `out_block_stride` floats apart
     out_offsets   [count]
     weights       [rows/32][K][32], or with `transposed` the convolution's
     input         the indirection buffers of all micro-tiles, `count` positions together
     more          whether the weights of the rows that follow will be needed next */
void rt_gemm(float *out, size_t out_block_stride, const size_t *out_offsets, const float *weights,
             const rt_transposed_weights *_Nullable transposed, const rt_indirection *input, size_t rows, size_t count,
             bool more, const rt_epilogue *epilogue);

/* Floats of one of the `stride` lines that rt_col2im needs. */
static inline int32_t rt_col2im_line(const rt_window *window) {
  const int32_t map = (window->width + window->stride - 1) / window->stride;
  return (map > window->grid_width ? map : window->grid_width) + 3 * window->taps_width;
}

/* Adds patches to the positions that they cover: the adjoint of im2col. The window must not reach beyond the map by
   more than its own width.
     out        [channels][H][W], planes `plane` floats apart, of which rows top..<bottom are added to
     products   [channel][tap][position], rows `stride` floats apart, of the grid's rows first..<first + rows
     lines      [window stride][rt_col2im_line], scratch */
void rt_col2im(float *out, size_t plane, int32_t channels, const rt_window *window, const float *products,
               size_t stride, int32_t first, int32_t rows, int32_t top, int32_t bottom, float *lines);

#pragma clang assume_nonnull end

#endif
