#include "bf16.h"
#include "clones.h"
#include "epilogue.h"
#include "int8x3.h"
#include "kernels.h"
#include "weights.h"

INLINE void pack_int8x3_weights(uint32_t *words, const rt_weights *weights) {
  enum { HALVES = RT_MR / VEC16 };
  ivec16 max_abs[HALVES] = {0};
  vec16 scales[HALVES];
  _Alignas(64) float rows[RT_INT8_VNNI][RT_MR];
  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t x = 0; x < weights->columns; x++)
      for (int32_t in = 0; in < weights->ins; in++) {
        weights_of_input(rows[0], weights, in, y, x);
        for (size_t half = 0; half < HALVES; half++) update_max_abs(&max_abs[half], rows[0] + half * VEC16);
      }
  for (size_t r = 0; r < RT_MR; r++)
    scales[r / VEC16][r % VEC16] = quantizing_scale(((const vec16 *)max_abs)[r / VEC16][r % VEC16]);

  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t block = 0; block < weights->ins; block += RT_INT8_VNNI * VEC16)
      for (int32_t x = 0; x < weights->columns; x++, words += RT_INT8_SLICES * SLICE_WORDS)
        for (int32_t word = 0; word < VEC16; word++) {
          for (int32_t v = 0; v < RT_INT8_VNNI; v++)
            weights_of_input(rows[v], weights, block + word + v * VEC16, y, x);
          for (size_t half = 0; half < HALVES; half++) {
            vec16 values[RT_INT8_VNNI];
            for (size_t v = 0; v < RT_INT8_VNNI; v++) values[v] = *(const vec16 *)(rows[v] + half * VEC16);
            write_int8_slices(words + half * HALF_WORDS + (size_t)word * VEC16, SLICE_WORDS, values, &scales[half]);
          }
        }
  for (size_t half = 0; half < HALVES; half++) *(ivec16 *)(words + half * VEC16) = max_abs[half];
}

CLONES WIDE void rt_pack_low_precision_weights(uint32_t *words, const rt_weights *weights, rt_format format) {
  if (format == RT_INT8X3) {
    pack_int8x3_weights(words, weights);
    return;
  }
  const int32_t slices = (int32_t)rt_slices(format);
  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t block = 0; block < weights->ins; block += RT_MR)
      for (int32_t x = 0; x < weights->columns; x++, words += slices * SLICE_WORDS)
        for (int32_t word = 0; word < VEC16; word++) {
          _Alignas(64) float low[RT_MR], high[RT_MR];
          weights_of_input(low, weights, block + word, y, x);
          weights_of_input(high, weights, block + word + VEC16, y, x);
          for (size_t half = 0; half < 2; half++)
            write_bf16_slices(words + half * HALF_WORDS + (size_t)word * VEC16, SLICE_WORDS,
                              (const vec16 *)(low + half * VEC16), (const vec16 *)(high + half * VEC16), slices);
        }
}

/* K-blocks of weights that are multiplied at a time, at most. */
enum { CHUNK = 16 };

/* Where a strip's first position lies for K-block k, in words. */
INLINE size_t offset_of_k_block(const rt_packed_layout *layout, size_t k) {
  const size_t across = (size_t)layout->taps_width, blocks = (size_t)layout->channel_blocks;
  const size_t tap = k / (across * blocks) * across + k % across, block = k / across % blocks;
  return layout->tap_offsets[tap] + block * layout->block_stride;
}

/* Applies the epilogue to a panel, which begins `first` positions behind its strip's first one, and writes `blocks`
   blocks of 16 rows from `row` on. */
INLINE void write_panel(float *out, size_t out_block_stride, const float *sums, size_t row, size_t blocks,
                        const rt_strip *strip, int32_t first, int32_t width, const rt_window *w,
                        const rt_epilogue *epilogue) {
  int32_t r = first / width, c = first % width;
  const size_t top = (size_t)strip->image * (size_t)w->out_height + (size_t)w->out_y;
  const size_t left = (size_t)(strip->column * w->out_stride + w->out_x);
  for (size_t p = 0; p < RT_PANEL && r < strip->rows; r++, c = 0) {
    const size_t line = top + (size_t)((strip->row + r) * w->out_stride);
    size_t at = (line * (size_t)w->out_width + left + (size_t)(c * w->out_stride)) * RT_BLOCK;
    for (; p < RT_PANEL && c < strip->columns; p++, c++, at += (size_t)w->out_stride * RT_BLOCK)
      for (size_t b = 0; b < blocks; b++)
        apply_epilogue(out, b * out_block_stride + at, (const vec16 *)(sums + p * RT_MR + b * VEC16), row + b * VEC16,
                       epilogue);
    /* What taps see beside the columns is no position of the grid. */
    p += (size_t)(width - c);
  }
}

CLONES WIDE void rt_low_precision_gemm(float *out, size_t out_block_stride, const uint32_t *weights, size_t rows,
                                       bool more, const uint32_t *packed, const rt_packed_layout *layout,
                                       const rt_window *window, const rt_strip *strips, size_t strip_count,
                                       const rt_epilogue *epilogue, float *sums) {
  const size_t k_blocks = (size_t)layout->channel_blocks * (size_t)layout->taps, slices = rt_slices(layout->format);
  const bool is_int8x3 = layout->format == RT_INT8X3;
  const size_t most = is_int8x3 ? CHUNK / 2 : CHUNK, panel_sums = rt_panel_sum_floats(layout->format);
  const size_t block_words = slices * SLICE_WORDS, row_words = rt_packed_row_words(k_blocks, layout->format);
  size_t panels = 0;
  for (size_t s = 0; s < strip_count; s++) panels += rt_strip_panels(&strips[s], layout);

  rt_amx_begin();
  for (size_t row = 0; row < rows; row += RT_MR, weights += row_words) {
    const size_t blocks = blocks_left(rows - row, RT_MR / VEC16);
    const size_t moved = row / VEC16 * out_block_stride;
    const rt_epilogue e = rt_epilogue_at(epilogue, moved);
    vec16 row_scales[RT_MR / VEC16];
    if (is_int8x3)
      for (size_t half = 0; half < RT_MR / VEC16; half++)
        row_scales[half] = *(const vec16 *)(weights + k_blocks * block_words + half * VEC16) * DEQUANTIZING_SCALE;
    for (size_t k = 0; k < k_blocks; k += most) {
      const size_t count = k_blocks - k < most ? k_blocks - k : most;
      const bool last = k + count == k_blocks, end = last && row + RT_MR >= rows && !more;
      const uint32_t *first = weights + k * block_words;
      size_t offsets[CHUNK];
      for (size_t i = 0; i < count; i++) offsets[i] = offset_of_k_block(layout, k + i);
      size_t panel = 0;
      for (size_t s = 0; s < strip_count; s++) {
        const size_t own = rt_strip_panels(&strips[s], layout);
        const uint32_t *seen = packed + s * layout->strip_stride;
        const float *scales = (const float *)(seen + slices * layout->slice_stride);
        for (size_t p = 0; p < own; p++, panel++) {
          const rt_panel_columns columns = {seen + p * RT_PANEL * VEC16, offsets, layout->slice_stride};
          float *own_sums = sums + panel * panel_sums;
          /* All panels share the work, since memory is slower than one. */
          const rt_panel_prefetch prefetch = {block_words * panel / panels / VEC16 * VEC16,
                                              block_words * (panel + 1) / panels / VEC16 * VEC16};
          rt_panel_kernel(own_sums, first, &columns, count, layout->format, k == 0, end ? NULL : &prefetch);
          if (!last) continue;
          if (is_int8x3) dequantize_sums(own_sums, scales + p * RT_PANEL, row_scales);
          write_panel(out + moved, out_block_stride, own_sums, row, blocks, &strips[s], (int32_t)p * RT_PANEL,
                      layout->width, window, &e);
        }
      }
    }
  }
  rt_amx_end();
}
