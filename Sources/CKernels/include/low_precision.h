#ifndef LOW_PRECISION_H
#define LOW_PRECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convolution.h"
#include "layout.h"

#pragma clang assume_nonnull begin

/*
 * Convolution in bf16, bf16x2 and int8x3, by the units of a CPU that multiply short numbers.
 *
 * Words are packed for VNNI. K comes in blocks: of 32 channels in bfloat16, where channel k shares a word with channel
 * k + 16; of 64 in int8, where channels k, k + 16, k + 32 and k + 48 do. There is a K-block for each tap and block of
 * channels, and taps side by side follow each other, since they see mostly the same:
 * [row of taps][block of channels][column of taps].
 *
 * Weights of a row block are [K-block][slice][2][16 words of k][16 rows], filled up with zeros; in int8x3 the largest
 * magnitude of each row's weights follows.
 */

/* Slices of int8x3, and int8 in a word. */
enum { RT_INT8_SLICES = 3, RT_INT8_VNNI = 4 };

/* Channels of a K-block. */
static inline size_t rt_k_block_channels(rt_format format) {
  return format == RT_INT8X3 ? RT_INT8_VNNI * RT_BLOCK : RT_MR;
}

/* Positions of a panel. */
enum { RT_PANEL = 32 };

/* What multiplies short numbers on this CPU, if the system lets it be used: AMX, which has int8 too, or AVX-512
   alone, which is worth it for RT_BF16 only. Without either the kernels below run in plain C, slowly. */
typedef enum rt_low_precision_unit { RT_UNIT_NONE, RT_UNIT_AVX512_BF16, RT_UNIT_AMX } rt_low_precision_unit;
rt_low_precision_unit rt_available_unit(void);

/* The right-hand operand of a panel.
     packed    [slice][K-block][position][16 words of k], slices `slice_stride` words apart
     offsets   [K-blocks]: where the panel's first position lies for each K-block, in words */
typedef struct rt_panel_columns {
  const uint32_t *packed;
  const size_t *offsets;
  size_t slice_stride;
} rt_panel_columns;

/* Words first..<end of each of as many K-blocks of weights, which follow those that are multiplied, are prefetched
   meanwhile. They need not exist. */
typedef struct rt_panel_prefetch {
  size_t first, end;
} rt_panel_prefetch;

/* The low-precision micro-kernel: RT_MR rows by RT_PANEL positions. A thread calls rt_amx_begin before and rt_amx_end
   after its panels.
     sums      [32 positions][32 rows], overwritten if `anew`, else added to; of int8x3 they are integers,
               [order][32][32], order o having the products of slices i and o - i
     weights   [k_blocks][slice][2][16][16] */
void rt_panel_kernel(float *sums, const uint32_t *weights, const rt_panel_columns *columns, size_t k_blocks,
                     rt_format format, bool anew, const rt_panel_prefetch *_Nullable prefetch);
void rt_amx_begin(void);
void rt_amx_end(void);

/* The low-precision micro-kernel as written for one kind of unit. */
typedef struct rt_panel_kernel_variant {
  const char *name;
  rt_low_precision_unit unit;
  size_t max_slices;
  void (*kernel)(float *sums, const uint32_t *weights, const rt_panel_columns *columns, size_t k_blocks,
                 rt_format format, bool anew, const rt_panel_prefetch *_Nullable prefetch);
} rt_panel_kernel_variant;

/* The variants that this CPU can execute, the best one first. */
const rt_panel_kernel_variant *rt_panel_kernel_variants(size_t *count);

/* Positions of the window's grid: columns column..<column + columns of rows row..<row + rows of an image. */
typedef struct rt_strip {
  int32_t image, row, rows, column, columns;
} rt_strip;

/* The layout of packed strips: [strip][slice][block of channels][phase][line][column][16 words]. Phase (y, x) holds the
   lines and columns that are y and x behind multiples of the window's stride (of 1 or 2). In int8x3 the scales of the
   positions of the strip's panels follow the slices. */
typedef struct rt_packed_layout {
  rt_format format;
  int32_t channel_blocks; /* of one K-block each */
  int32_t width;          /* from line to line: the columns of a strip and those that its taps see beside them */
  int32_t taps, taps_width;
  const size_t *tap_offsets; /* [taps]: from where the first tap sees a position to where this one does */
  size_t strip_stride, slice_stride, block_stride, phase_stride; /* in words, as the offsets are */
} rt_packed_layout;

/* The panels of a strip's lines. */
static inline size_t rt_strip_panels(const rt_strip *strip, const rt_packed_layout *layout) {
  return ((size_t)(strip->rows - 1) * (size_t)layout->width + (size_t)strip->columns + RT_PANEL - 1) / RT_PANEL;
}

/* Packs up to 32 channels of what a strip sees, in bf16 or bf16x2, as one block of channels.
     packed   [slice][phase][line][column][16]
     input    [C/16][N*H*W + 1][16] from the first of these channels on, blocks `block_stride` floats apart */
void rt_pack_bf16(uint32_t *packed, const float *input, size_t block_stride, int32_t channels, const rt_window *window,
                  const rt_strip *strip, const rt_packed_layout *layout);

/* The largest magnitude of what a strip sees, of so many blocks of 16 channels.
     input   [blocks][N*H*W + 1][16], `block_stride` floats apart */
float rt_window_max_abs(const float *input, size_t block_stride, size_t blocks, const rt_window *window,
                        const rt_strip *strip);

/* Quantizes what a strip sees to int8x3, in whole K-blocks. Without `max_abs` each position gets a scale of its own:
   then `blocks` are all channels, the window has one tap, and `strip` may be some of its lines, or a part of its one
   line that begins with a panel, as `packed` and `scales` then do.
     packed    [slice][blocks/4][phase][line][column][16]
     scales    [panels][32], written if they are wanted
     input     [blocks][N*H*W + 1][16], `block_stride` floats apart
     max_abs   rt_window_max_abs of the whole strip */
void rt_pack_int8x3(uint32_t *packed, float *_Nullable scales, const float *input, size_t block_stride, size_t blocks,
                    const float *_Nullable max_abs, const rt_window *window, const rt_strip *strip,
                    const rt_packed_layout *layout);

/* Words of a row block of weights that has so many K-blocks. */
static inline size_t rt_packed_row_words(size_t k_blocks, rt_format format) {
  return k_blocks * rt_slices(format) * RT_SQUARE / 2 + (format == RT_INT8X3 ? RT_MR : 0);
}

/* Packs a row block, with up to RT_MR outputs; the rest is zeros.
     words   [K-block][slice][2][16][16], and in int8x3 [32] largest magnitudes */
void rt_pack_low_precision_weights(uint32_t *words, const rt_weights *weights, rt_format format);

/* Floats of the sums of a panel. */
static inline size_t rt_panel_sum_floats(rt_format format) {
  return (size_t)(format == RT_INT8X3 ? RT_INT8_SLICES : 1) * RT_PANEL * RT_MR;
}

/* Multiplies for some rows and strips, and applies the epilogue.
     out       [rows/16][positions][16], blocks `out_block_stride` floats apart
     weights   [rows/32][rt_packed_row_words]
     packed    [strip_count][strip_stride]
     more      whether the weights of the rows that follow will be needed next
     sums      [panels of the strips][rt_panel_sum_floats], scratch */
void rt_low_precision_gemm(float *out, size_t out_block_stride, const uint32_t *weights, size_t rows, bool more,
                           const uint32_t *packed, const rt_packed_layout *layout, const rt_window *window,
                           const rt_strip *strips, size_t strip_count, const rt_epilogue *epilogue, float *sums);

#pragma clang assume_nonnull end

#endif
