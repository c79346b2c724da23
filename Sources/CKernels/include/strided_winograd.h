#ifndef STRIDED_WINOGRAD_H
#define STRIDED_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convolution.h"

#pragma clang assume_nonnull begin

/* Winograd's algorithm for 3x3 convolutions of stride 2 with a border of 1. In each dimension two of the three taps see
   every second position of the input, with the odd ones as a convolution of two taps and stride 1, made by F(4, 2), and
   the middle tap sees the even ones. So 4 outputs take 5 + 4 products instead of 12, and a tile of 4x4 outputs 81
   instead of 144. These share 36 matrices of weights: for each dimension 5 of F(4, 2), which have one product in it,
   and that of the middle tap, which has 4. */
enum { RT_STRIDED_MATRICES = 36, RT_STRIDED_PRODUCTS = 81 };

/* The convolution, or its input gradient. */
typedef enum rt_strided_direction { RT_STRIDED_FORWARD, RT_STRIDED_GRADIENT } rt_strided_direction;

/* Some tiles, numbered over all images, and how what they are transformed to lies: [matrix][tile][product][K], products
   `depth` floats apart; from one block of 16 channels to the next there are `block_stride` floats. */
typedef struct rt_strided_tiles {
  int32_t height, width;           /* of the convolution's input */
  int32_t grid_height, grid_width; /* of its output */
  size_t images;
  size_t first, count;
  size_t depth, block_stride;
} rt_strided_tiles;

/* The products of a matrix for one tile, and where they begin among all of them. */
typedef struct rt_strided_matrix {
  size_t products, first;
} rt_strided_matrix;

rt_strided_matrix rt_strided_matrix_at(size_t index);

/* Transforms a row block of weights, with up to RT_MR outputs.
     transformed   [36][K][32], K being inputs up to whole 16s */
void rt_strided_weights(float *transformed, const rt_weights *weights, rt_strided_direction direction);

/* Transforms what some tiles see of the convolution's input; or, for its gradient, of the output's gradient.
     transformed   [36][tile][product][K]
     map           [blocks][N*H*W + 1][16], blocks `map_block_stride` floats apart */
void rt_strided_input(float *transformed, const float *map, size_t map_block_stride, size_t blocks,
                      const rt_strided_tiles *tiles, rt_strided_direction direction);

/* Multiplies, transforms back, and applies the epilogue, for some rows and tiles: of the output, or of the input's
   gradient.
     out       [rows/16][positions][16], blocks `out_block_stride` floats apart
     weights   [rows/32][36][K][32]
     inputs    [36][tile][product][K]
     scratch   [81][tiles][64] */
void rt_strided_output(float *out, size_t out_block_stride, const float *weights, const float *inputs, size_t rows,
                       const rt_strided_tiles *tiles, rt_strided_direction direction, const rt_epilogue *epilogue,
                       float *scratch);

/* The adjoint of the output's transform: the gradient of the products.
     transformed   [36][tile][product][K]
     gradient      [blocks][N*H*W + 1][16] of the output, blocks `map_block_stride` floats apart */
void rt_strided_output_gradient(float *transformed, const float *gradient, size_t map_block_stride, size_t blocks,
                                const rt_strided_tiles *tiles);

/* The adjoint of the weights' transform: adds the gradient of the weights of one input.
     gradient   [outs][ins][3][3] from this input on
     sums       [36][outs], matrices `matrix_stride` floats apart */
void rt_strided_weight_gradient(float *gradient, const float *sums, size_t matrix_stride, size_t ins, size_t outs);

#pragma clang assume_nonnull end

#endif
