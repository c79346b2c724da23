#include "clones.h"
#include "int8x3.h"
#include "kernels.h"
#include "vec16.h"

/* Positions of a line that are quantized at a time. */
enum { AT_ONCE = 32 };

/* Where the positions lie that are seen in row `y` of the map, from column `x` on. */
INLINE void positions_of_line(const float **pointers, const float *image, const float *zero_pixel, const rt_window *w,
                              int32_t y, int32_t x, int32_t count) {
  const bool inside = y >= 0 && y < w->height;
  for (int32_t i = 0; i < count; i++, x += w->stride)
    pointers[i] = inside && x >= 0 && x < w->width ? image + ((ptrdiff_t)y * w->width + x) * RT_BLOCK : zero_pixel;
}

INLINE void quantize_line(uint32_t *out, const float *const *pointers, const float *scales, int32_t count,
                          size_t block_stride, size_t blocks, const rt_packed_layout *layout) {
  for (size_t b = 0; b < blocks; b += RT_INT8_VNNI, out += layout->block_stride)
    for (int32_t i = 0; i < count; i++) {
      vec16 values[RT_INT8_VNNI];
      for (size_t k = 0; k < RT_INT8_VNNI; k++) values[k] = *(const vec16 *)(pointers[i] + (b + k) * block_stride);
      const vec16 scale = (vec16){0} + scales[i];
      write_int8_slices(out + i * RT_BLOCK, layout->slice_stride, values, &scale);
    }
}

CLONES WIDE float rt_window_max_abs(const float *input, size_t block_stride, size_t blocks, const rt_window *window,
                                    const rt_strip *strip) {
  const rt_window w = *window;
  const float *image = input + (size_t)strip->image * (size_t)w.height * (size_t)w.width * RT_BLOCK;
  const int32_t top = strip->row * w.stride + w.top, left = strip->column * w.stride + w.left;
  const int32_t bottom = top + (strip->rows - 1) * w.stride + w.taps_height;
  const int32_t right = left + (strip->columns - 1) * w.stride + w.taps_width;
  const int32_t first = left > 0 ? left : 0, end = right < w.width ? right : w.width;
  ivec16 max_abs = {0};
  for (size_t b = 0; b < blocks; b++)
    for (int32_t y = top > 0 ? top : 0; y < bottom && y < w.height; y++)
      for (int32_t x = first; x < end; x++)
        update_max_abs(&max_abs, image + b * block_stride + ((ptrdiff_t)y * w.width + x) * RT_BLOCK);
  return reduce_max_abs(&max_abs);
}

CLONES WIDE void rt_pack_int8x3(uint32_t *packed, float *scales, const float *input, size_t block_stride, size_t blocks,
                                const float *max_abs, const rt_window *window, const rt_strip *strip,
                                const rt_packed_layout *layout) {
  const rt_window w = *window;
  const float *image = input + (size_t)strip->image * (size_t)w.height * (size_t)w.width * RT_BLOCK;
  const float *const zero_pixel = input + block_stride - RT_BLOCK;
  const int32_t lines = strip->rows + (w.taps_height - 1) / w.stride;
  const int32_t width = max_abs ? layout->width : strip->columns;
  float quantizing[AT_ONCE];
  if (max_abs) {
    const size_t positions = scales ? rt_strip_panels(strip, layout) * RT_PANEL : 0;
    for (size_t p = 0; p < positions; p++) scales[p] = *max_abs * DEQUANTIZING_SCALE;
    for (size_t i = 0; i < AT_ONCE; i++) quantizing[i] = quantizing_scale(*max_abs);
  }
  for (int32_t phase = 0; phase < w.stride * w.stride; phase++) {
    const int32_t down = phase / w.stride, across = phase % w.stride;
    if (down >= w.taps_height || across >= w.taps_width) continue;
    for (int32_t r = 0; r < lines; r++)
      for (int32_t c = 0; c < width; c += AT_ONCE) {
        const float *pointers[AT_ONCE];
        const int32_t count = width - c < AT_ONCE ? width - c : AT_ONCE;
        const size_t at = (size_t)r * (size_t)layout->width + (size_t)c;
        positions_of_line(pointers, image, zero_pixel, &w, (strip->row + r) * w.stride + w.top + down,
                          (strip->column + c) * w.stride + w.left + across, count);
        if (!max_abs) {
          ivec16 own[AT_ONCE] = {0};
          for (size_t b = 0; b < blocks; b++)
            for (int32_t i = 0; i < count; i++) update_max_abs(&own[i], pointers[i] + b * block_stride);
          for (int32_t i = 0; i < count; i++) {
            const float most = reduce_max_abs(&own[i]);
            quantizing[i] = quantizing_scale(most);
            scales[at + (size_t)i] = most * DEQUANTIZING_SCALE;
          }
        }
        quantize_line(packed + (size_t)phase * layout->phase_stride + at * RT_BLOCK, pointers, quantizing, count,
                      block_stride, blocks, layout);
      }
  }
}
