#include <string.h>

#include "clones.h"
#include "kernels.h"

static inline int32_t at_least(int32_t low, int32_t value) { return value < low ? low : value; }
static inline int32_t at_most(int32_t high, int32_t value) { return value > high ? high : value; }
static inline int32_t ceiling(int32_t a, int32_t b) { return a <= 0 ? 0 : (a + b - 1) / b; }

CLONES void rt_gather(float *restrict columns, const float *restrict input, size_t plane, int32_t channels,
                      const rt_window *window, size_t first, size_t count) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width;
  for (int32_t channel = 0; channel < channels; channel++, input += plane)
    for (int32_t ty = 0; ty < w.taps_height; ty++)
      for (int32_t tx = 0; tx < w.taps_width; tx++, columns += count) {
        /* Grid columns low..<high read inside the map. */
        const int32_t offset = w.left + tx;
        const int32_t low = at_most(w.grid_width, ceiling(-offset, w.step));
        const int32_t high = at_least(low, at_most(w.grid_width, ceiling(w.width - offset, w.step)));
        size_t row = first / (size_t)w.grid_width;
        int32_t from = (int32_t)(first % (size_t)w.grid_width);
        for (size_t done = 0; done < count; row++, from = 0) {
          const int32_t to = count - done < (size_t)(w.grid_width - from) ? from + (int32_t)(count - done) : w.grid_width;
          float *out = columns + done;
          done += (size_t)(to - from);
          const size_t image = row / (size_t)w.grid_height;
          const int32_t y = (int32_t)(row % (size_t)w.grid_height) * w.step + w.top + ty;
          if (y < 0 || y >= w.height) {
            memset(out, 0, (size_t)(to - from) * sizeof *out);
            continue;
          }
          const float *in = input + image * map + (size_t)y * (size_t)w.width;
          const int32_t inside = at_most(to, at_least(from, low)), outside = at_least(inside, at_most(to, high));
          for (int32_t x = from; x < inside; x++) *out++ = 0;
          if (w.step == 1) {
            for (int32_t x = inside; x < outside; x++) *out++ = in[x + offset];
          } else {
            for (int32_t x = inside; x < outside; x++) *out++ = in[x * w.step + offset];
          }
          for (int32_t x = outside; x < to; x++) *out++ = 0;
        }
      }
}

CLONES void rt_finish(float *out, size_t stride, size_t rows, size_t count, const float *bias,
                      const float *residual, bool relu) {
  for (size_t row = 0; row < rows; row++) {
    float *restrict y = out + row * stride;
    const float shift = bias ? bias[row] : 0;
    const float low = relu ? 0 : -__builtin_inff();
    if (residual) {
      const float *restrict r = residual + row * stride;
      for (size_t i = 0; i < count; i++) {
        float value = y[i] + shift + r[i];
        y[i] = value < low ? low : value;
      }
    } else {
      for (size_t i = 0; i < count; i++) {
        float value = y[i] + shift;
        y[i] = value < low ? low : value;
      }
    }
  }
}

CLONES void rt_scatter(float *restrict out, size_t plane, int32_t height, int32_t width, int32_t grid_height,
                       int32_t grid_width, int32_t spread, int32_t y, int32_t x, const float *restrict rows,
                       size_t row_count, size_t first, size_t count, bool accumulate) {
  for (size_t r = 0; r < row_count; r++, out += plane) {
    size_t grid_row = first / (size_t)grid_width;
    int32_t from = (int32_t)(first % (size_t)grid_width);
    for (size_t done = 0; done < count; grid_row++, from = 0) {
      const int32_t to = count - done < (size_t)(grid_width - from) ? from + (int32_t)(count - done) : grid_width;
      const size_t image = grid_row / (size_t)grid_height;
      const size_t qy = grid_row % (size_t)grid_height;
      float *line = out + (image * (size_t)height + qy * (size_t)spread + (size_t)y) * (size_t)width + x;
      if (accumulate) {
        for (int32_t q = from; q < to; q++) line[(size_t)q * (size_t)spread] += *rows++;
      } else {
        for (int32_t q = from; q < to; q++) line[(size_t)q * (size_t)spread] = *rows++;
      }
      done += (size_t)(to - from);
    }
  }
}
