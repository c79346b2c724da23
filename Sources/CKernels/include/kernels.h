/*
 * Loops over floats, written so that the compiler vectorises them, and compiled several times on x86-64: the variant
 * for the CPU at hand is chosen when the program is loaded. No allocation, no policy, no threads.
 *
 * LAYOUT. A feature map is [C/16][N*H*W + 1][16]: nChw16c with the images inside the block of channels, filled up
 * with channels of zeros. A position is one (image, row, column); its 16 channels are one vec16. Behind the positions
 * of each block lies the zero pixel, which kernels read for everything outside of the map, so that nothing is padded
 * or copied. The block stride is the distance from one block of channels to the next, in floats.
 *
 * GEMM. A convolution is a matrix product: M rows are output channels, N columns are output positions, and K, the
 * reduction depth, is [tap][input channel], a tap being one position of the kernel's window. Weights are packed as
 * [M/32][K][32]: row blocks of RT_MR rows. The micro-kernel keeps the sums of a micro-tile in registers: one row
 * block by up to RT_NR_SINGLE positions, or two by up to RT_NR_DOUBLE. The epilogue (bias, residual, ReLU, or
 * accumulation and ReLU mask) is applied to the sums on their way to the output. Meanwhile the weights that follow
 * are prefetched.
 *
 * NESTING. task > strip > panel > position. A task is what one thread does at a time, in whole row blocks and whole
 * strips. A strip is some rows of a map, or a part of its only row. A panel is RT_PANEL positions of a strip, the N
 * of the low-precision kernel. The float kernel takes the positions of a task in micro-tiles instead.
 *
 * ALGORITHMS, from the plain to the special; Convolution.Algorithm chooses by shapes and CPU, never by timing:
 *   direct    the micro-kernel reads the map in place, through pointers to each position (an indirection buffer).
 *             Any convolution, also one in groups.
 *   im2col    what a window covers is copied side by side first: for up to 12 input channels, which would leave
 *             most of a block empty. col2im is the adjoint, for the input gradient of convolutions of fewer than 8
 *             channels.
 *   winograd  F(4x4, 3x3) or F(2x2, 3x3): 36 products for 16 outputs, or 16 for 4, instead of 144 and 36. 3x3 of
 *             stride 1, unless the map has so few tiles that reading the transformed weights takes longer; where it has
 *             few, weights are read as they are and transformed each time. In training
             also 3x3 of stride 2, by F(4, 2) of every second position: 81 products for 16 outputs instead of 144.
 *   bf16      floats rounded to bfloat16, summed in float32, by AMX or AVX-512: with --precision bfloat16. In
 *             training Winograd's products are of bfloat16 too.
 *   bf16x2    floats split in two bfloat16, three products each (Henry, Tang, Heinecke: arXiv 1904.06376): input
 *             gradients, with AMX.
 *   int8x3    floats scaled to integers of 24 bits, cut to three slices of int8, six products each (the scheme of
 *             Ozaki, as in Ootomo, Ozaki, Yokota: arXiv 2306.11975): forward, with AMX, where channels come in
 *             whole 64s.
 *
 * WORDS. depth: K. Slice: one of the short numbers that stand for a float. VNNI packing: words of 32 bits with two
 * bfloat16 or four int8 of several k, whose products one instruction adds. Output stride: the distance of the
 * positions that are written; the input gradient of a strided convolution is stride^2 convolutions, each of which
 * writes every stride-th position. Output offset: where a position is written, in floats. Product, of Winograd's
 * algorithm: one of the (side + 2)^2 points of a transformed tile, each a matrix product of its own. ReLU mask: 16
 * bits for each position, which tell the channels above 0.
 */
#ifndef KERNELS_H
#define KERNELS_H

#if defined(__clang__)
/* Products and sums are fused wherever they meet, in the kernels that include this. */
#pragma clang fp contract(fast)
#endif

#include "activations.h"
#include "ascent.h"
#include "attention.h"
#include "attacks.h"
#include "augmentation.h"
#include "batch_norm.h"
#include "channel_norm.h"
#include "channels.h"
#include "conversion.h"
#include "convolution.h"
#include "depthwise.h"
#include "direct.h"
#include "elementwise.h"
#include "heap.h"
#include "layout.h"
#include "low_precision.h"
#include "peak.h"
#include "pooling.h"
#include "reductions.h"
#include "spin.h"
#include "strided_winograd.h"
#include "training.h"
#include "weight_gradient.h"
#include "winograd.h"

#endif
