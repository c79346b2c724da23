#ifndef WEIGHT_GRADIENT_H
#define WEIGHT_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "convolution.h"
#include "layout.h"

#pragma clang assume_nonnull begin

/* Weight gradients are GEMMs whose K is of positions (or of Winograd tiles), a sum of outer products. */

/* Operands in RT_F32, or in RT_BF16: each k is then a word of two.
     left    [K][rows], `left_stride` floats from k to k
     right   [columns/16][K][16], `right_stride` floats from k to k and `right_block_stride` from block to block */
typedef struct rt_outer_operands {
  const float *left, *right;
  size_t left_stride, right_stride, right_block_stride, depth;
  rt_format format;
} rt_outer_operands;

/* sums[row][column] (+)= sum over k of left[k][row] right[k][column].
     sums   [rows][16 blocks], rows `stride` floats apart, overwritten if `anew`, else added to */
void rt_outer_product(float *sums, size_t stride, const rt_outer_operands *operands, size_t rows, size_t blocks,
                      bool anew);

/* Packs a block of channels for RT_BF16: two positions in a word, with zeros beside an odd last one.
     packed   [(count + 1) / 2][16]
     in       [count][16] */
void rt_pack_positions_bf16(float *packed, const float *in, size_t count);

/* Gathers what positions first..<first + count of the grid of a window of one tap see of a block of channels.
     out     [count][16], or of RT_BF16 [(count + 1) / 2][16], packed as by rt_pack_positions_bf16
     input   [1][N*H*W + 1][16] */
void rt_gather(float *out, const float *input, const rt_window *window, size_t first, size_t count, rt_format format);

#pragma clang assume_nonnull end

#endif
