#include "bf16.h"
#include "clones.h"
#include "kernels.h"
#include "vec16.h"

INLINE void pack_strip(uint32_t *packed, const float *input, size_t block_stride, int32_t channels, const rt_window *w,
                       const rt_strip *strip, const rt_packed_layout *layout, int32_t stride) {
  const int32_t lines = strip->rows + (w->taps_height - 1) / stride, slices = (int32_t)rt_slices(layout->format);
  const float *image = input + (size_t)strip->image * (size_t)w->height * (size_t)w->width * RT_BLOCK;
  const bool has_high = channels > RT_BLOCK;
  const vec16 zero = {0};
  for (int32_t phase = 0; phase < stride * stride; phase++) {
    const int32_t down = phase / stride, across = phase % stride;
    if (down >= w->taps_height || across >= w->taps_width) continue;
    uint32_t *out = packed + (size_t)phase * layout->phase_stride;
    for (int32_t r = 0; r < lines; r++) {
      const int32_t y = (strip->row + r) * stride + w->top + down;
      const bool inside = y >= 0 && y < w->height;
      for (int32_t c = 0; c < layout->width; c++, out += RT_BLOCK) {
        const int32_t x = (strip->column + c) * stride + w->left + across;
        if (!inside || x < 0 || x >= w->width) {
          write_bf16_slices(out, layout->slice_stride, &zero, &zero, slices);
          continue;
        }
        const float *low = image + ((ptrdiff_t)y * w->width + x) * RT_BLOCK;
        write_bf16_slices(out, layout->slice_stride, (const vec16 *)low,
                          has_high ? (const vec16 *)(low + block_stride) : &zero, slices);
      }
    }
  }
}

CLONES WIDE void rt_pack_bf16(uint32_t *packed, const float *input, size_t block_stride, int32_t channels,
                              const rt_window *window, const rt_strip *strip, const rt_packed_layout *layout) {
  if (window->stride == 1)
    pack_strip(packed, input, block_stride, channels, window, strip, layout, 1);
  else
    pack_strip(packed, input, block_stride, channels, window, strip, layout, 2);
}
