#ifndef WINOGRAD_H
#define WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convolution.h"
#include "direct.h"
#include "layout.h"

#pragma clang assume_nonnull begin

/* Winograd's F(4x4, 3x3) and F(2x2, 3x3) (Lavin, Gray: arXiv 1509.09308), for a stride of 1. A Winograd tile is side
   x side outputs; tiles are numbered over all images. */

/* What shares a word of two bfloat16 in transformed maps: channels that are 16 apart, since K is of channels; or
   tiles that follow each other, since in the weight gradient K is of tiles. */
typedef enum rt_winograd_packing { RT_NOT_PACKED, RT_PACKED_CHANNELS, RT_PACKED_TILES } rt_winograd_packing;

/* The most Winograd tiles that are multiplied at a time. */
enum { RT_MAX_WINOGRAD_TILES = 32 };

/* Some Winograd tiles, and how what they are transformed to lies: [product][tile][K], a tile's `depth` floats apart
   and a product's `product_stride`; from one block of 16 channels (or 16 words of two channels) to the next there are
   `block_stride` floats. */
typedef struct rt_winograd_tiles {
  const rt_window *window; /* says where inputs lie; its grid is the output map */
  int32_t side;            /* 4 or 2 */
  bool rotated; /* the window sees the map, and writes the output, rotated by 180 degrees, as if its weights were */
  size_t images;
  size_t first, count; /* up to RT_MAX_WINOGRAD_TILES tiles */
  size_t depth, product_stride, block_stride;
  rt_winograd_packing packing;
} rt_winograd_tiles;

/* Transforms a row block of weights, with up to RT_MR outputs, in RT_F32 or RT_BF16.
     transformed   [(side + 2)^2][K][32], K being inputs up to whole 16s, or words of two up to whole 32s of inputs */
void rt_winograd_weights(float *transformed, const rt_weights *weights, int32_t side, rt_format format);

/* Packs a row block of weights as they are, with up to RT_MR outputs, for rt_winograd_output_by_windows.
     windows   [inputs up to whole 32s][9][32] */
void rt_winograd_windows(float *windows, const rt_weights *weights);

/* Transforms the inputs of some tiles.
     transformed   [(side + 2)^2][tile][K]
     input         [blocks][N*H*W + 1][16], `block_stride` floats apart */
void rt_winograd_input(float *transformed, const float *input, size_t block_stride, size_t blocks,
                       const rt_winograd_tiles *tiles);

/* Floats of scratch for the products of so many tiles. */
static inline size_t rt_winograd_scratch(int32_t side, size_t tiles) {
  return (size_t)((side + 2) * (side + 2)) * tiles * 2 * RT_MR;
}

/* Multiplies, transforms back, and applies the epilogue, for some rows and tiles.
     out       [rows/16][positions][16], blocks `out_block_stride` floats apart
     weights   [rows/32][(side + 2)^2][K][32], or with `transposed` the convolution's
     inputs    [(side + 2)^2][tile][K]
     more      whether the weights of the rows that follow will be needed next
     scratch   [rt_winograd_scratch] */
void rt_winograd_output(float *out, size_t out_block_stride, const float *weights,
                        const rt_transposed_weights *_Nullable transposed, const float *inputs, size_t rows, bool more,
                        const rt_winograd_tiles *tiles, const rt_epilogue *epilogue, float *scratch);

/* Floats of scratch for rt_winograd_output_by_windows. */
static inline size_t rt_winograd_window_scratch(int32_t side, size_t tiles) {
  return rt_winograd_scratch(side, tiles) + (size_t)((side + 2) * (side + 2)) * 2 * (RT_SQUARE + RT_BLOCK);
}

/* The same as rt_winograd_output in float32, with weights that are transformed when they are needed: there is less to
   read, a quarter for a side of 4.
     windows            of blocks of 32 rows by 32 of K: [K][9][32 rows], or transposed, as they were packed for the
                        convolution whose input gradient this is, [row][9][32 of K]
     row_block_stride   floats from the windows of 32 rows to those of the next ones
     depth_stride       floats from the windows of 32 of K to those of the next ones
     scratch            [rt_winograd_window_scratch] */
void rt_winograd_output_by_windows(float *out, size_t out_block_stride, const float *windows, size_t row_block_stride,
                                   size_t depth_stride, bool transposed, const float *inputs, size_t rows,
                                   const rt_winograd_tiles *tiles, const rt_epilogue *epilogue, float *scratch);

/* A dY A', the adjoint of the output's transform, of F(4x4, 3x3): the gradient of the products.
     transformed   [36][tile][K], laid out as by rt_winograd_input, with zeros beyond the map
     gradient      [blocks][N*H*W + 1][16] of the output, `block_stride` floats apart */
void rt_winograd_output_gradient(float *transformed, const float *gradient, size_t block_stride, size_t blocks,
                                 const rt_winograd_tiles *tiles);

/* G' dU G, the adjoint of the weights' transform, of F(4x4, 3x3): adds the gradient of the weights of one input.
     gradient   [outs][ins][3][3] from this input on
     sums       [36][outs], products `product_stride` floats apart */
void rt_winograd_weight_gradient(float *gradient, const float *sums, size_t product_stride, size_t ins, size_t outs);

#pragma clang assume_nonnull end

#endif
