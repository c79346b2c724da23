#include "clones.h"
#include "kernels.h"

INLINE void add_line(float *restrict sums, const float *restrict products, int32_t count) {
  for (int32_t i = 0; i < count; i++) sums[i] += products[i];
}

/* Sums for a row of the map are made in one line for each phase, that is for positions which are a stride apart, and
   interleaved at the end. */
CLONES WIDE void rt_col2im(float *restrict out, size_t plane, int32_t channels, const rt_window *window,
                           const float *restrict products, size_t stride, int32_t first, int32_t rows, int32_t top,
                           int32_t bottom, float *restrict lines) {
  const rt_window w = *window;
  const int32_t length = rt_col2im_line(window);
  for (int32_t channel = 0; channel < channels; channel++)
    for (int32_t y = top; y < bottom; y++) {
      for (int32_t i = 0; i < w.stride * length; i++) lines[i] = 0;
      bool any = false;
      for (int32_t ty = 0; ty < w.taps_height; ty++) {
        const int32_t from = y - w.top - ty, qy = from / w.stride;
        if (from < first * w.stride || from % w.stride != 0 || qy >= first + rows) continue;
        any = true;
        for (int32_t tx = 0; tx < w.taps_width; tx++) {
          /* Grid column q falls on the map's column (q + shift) stride + phase, where a line begins at -taps_width. */
          const int32_t x = w.left + tx + w.taps_width * w.stride, phase = x % w.stride, shift = x / w.stride;
          const size_t row = (size_t)((channel * w.taps_height + ty) * w.taps_width + tx);
          add_line(lines + phase * length + shift,
                   products + row * stride + (size_t)(qy - first) * (size_t)w.grid_width, w.grid_width);
        }
      }
      if (!any) continue;
      float *to = out + (size_t)channel * plane + (size_t)y * (size_t)w.width;
      if (w.stride == 2) {
        const float *even = lines + w.taps_width, *odd = even + length;
        for (int32_t i = 0; i < w.width / 2; i++) {
          to[2 * i] += even[i];
          to[2 * i + 1] += odd[i];
        }
        if (w.width % 2) to[w.width - 1] += even[w.width / 2];
      } else {
        for (int32_t x = 0; x < w.width; x++) to[x] += lines[x % w.stride * length + w.taps_width + x / w.stride];
      }
    }
}
