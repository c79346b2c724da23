#include "clones.h"
#include "epilogue.h"
#include "kernels.h"
#include "vec16.h"

/* Neighbouring outputs that are summed together, so that a weight is read once for all. */
enum { TOGETHER = 6 };

INLINE vec16 load(const float *x) { return *(const vec16 *)x; }

/* The taps of a window at `origin` that lie within `extent`. */
typedef struct taps {
  int32_t first, end;
} taps;

INLINE taps taps_within(int32_t origin, int32_t size, int32_t extent) {
  const taps within = {origin < 0 ? -origin : 0, origin + size < extent ? size : extent - origin};
  return within;
}

/* Sums of `count` outputs side by side, whose windows lie within the map's columns. */
INLINE void sum_inside(vec16 *sums, size_t count, const float *in, const float *weights, const rt_window *w, taps rows,
                       int32_t y, int32_t x) {
  for (size_t i = 0; i < count; i++) sums[i] = (vec16){0};
  for (int32_t ky = rows.first; ky < rows.end; ky++) {
    const float *from = in + ((ptrdiff_t)(y + ky) * w->width + x) * VEC16;
    const float *tap = weights + (ptrdiff_t)ky * w->taps_width * VEC16;
    for (int32_t kx = 0; kx < w->taps_width; kx++) {
      const vec16 weight = load(tap + kx * VEC16);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < count; i++)
        sums[i] += weight * load(from + ((ptrdiff_t)i * w->stride + kx) * VEC16);
    }
  }
}

INLINE vec16 sum_at_edge(const float *in, const float *weights, const rt_window *w, taps rows, int32_t y, int32_t x) {
  const taps columns = taps_within(x, w->taps_width, w->width);
  vec16 sum = {0};
  for (int32_t ky = rows.first; ky < rows.end; ky++)
    for (int32_t kx = columns.first; kx < columns.end; kx++)
      sum += load(weights + (ky * w->taps_width + kx) * VEC16) *
             load(in + ((ptrdiff_t)(y + ky) * w->width + x + kx) * VEC16);
  return sum;
}

CLONES WIDE void rt_depthwise(float *out, const float *in, const float *weights, const rt_window *w, int32_t first,
                              int32_t end, const rt_epilogue *epilogue) {
  const size_t map = (size_t)w->height * (size_t)w->width * VEC16;
  for (int32_t row = first; row < end; row++) {
    const float *image = in + (size_t)(row / w->out_height) * map;
    const int32_t y = row % w->out_height * w->stride + w->top;
    const taps rows = taps_within(y, w->taps_height, w->height);
    size_t at = (size_t)row * (size_t)w->out_width * VEC16;
    for (int32_t qx = 0; qx < w->out_width;) {
      const int32_t x = qx * w->stride + w->left;
      vec16 sums[TOGETHER];
      size_t count = 1;
      if (x >= 0 && qx + TOGETHER <= w->out_width &&
          x + (TOGETHER - 1) * w->stride + w->taps_width <= w->width) {
        count = TOGETHER;
        sum_inside(sums, TOGETHER, image, weights, w, rows, y, x);
      } else {
        sums[0] = sum_at_edge(image, weights, w, rows, y, x);
      }
      for (size_t i = 0; i < count; i++, at += VEC16) apply_epilogue(out, at, &sums[i], 0, epilogue);
      qx += (int32_t)count;
    }
  }
}

/* The gradient of an input is gathered from the outputs whose windows cover it. */
CLONES WIDE void rt_depthwise_gradient(float *gradient_in, const float *gradient_out, const float *weights,
                                       const rt_window *w, int32_t first, int32_t end, const rt_epilogue *epilogue) {
  const size_t map = (size_t)w->out_height * (size_t)w->out_width * VEC16;
  for (int32_t row = first; row < end; row++) {
    const float *image = gradient_out + (size_t)(row / w->height) * map;
    const int32_t y = row % w->height - w->top;
    size_t at = (size_t)row * (size_t)w->width * VEC16;
    for (int32_t column = 0; column < w->width;) {
      const int32_t x = column - w->left;
      vec16 sums[TOGETHER] = {0};
      size_t count = 1;
      /* With a stride of 1 the outputs that cover neighbours are neighbours. */
      if (w->stride == 1 && x - w->taps_width + 1 >= 0 && x + TOGETHER <= w->out_width &&
          column + TOGETHER <= w->width) {
        count = TOGETHER;
        for (int32_t ky = 0; ky < w->taps_height; ky++) {
          const int32_t qy = y - ky;
          if (qy < 0 || qy >= w->out_height) continue;
          const float *from = image + ((ptrdiff_t)qy * w->out_width + x) * VEC16;
          for (int32_t kx = 0; kx < w->taps_width; kx++) {
            const vec16 weight = load(weights + (ky * w->taps_width + kx) * VEC16);
#pragma clang loop unroll(full)
            for (size_t i = 0; i < TOGETHER; i++) sums[i] += weight * load(from + ((ptrdiff_t)i - kx) * VEC16);
          }
        }
      } else {
        for (int32_t ky = y % w->stride; ky < w->taps_height; ky += w->stride) {
          const int32_t qy = (y - ky) / w->stride;
          if (y - ky < 0 || qy >= w->out_height) continue;
          for (int32_t kx = x % w->stride; kx < w->taps_width; kx += w->stride) {
            const int32_t qx = (x - kx) / w->stride;
            if (x - kx < 0 || qx >= w->out_width) continue;
            sums[0] += load(weights + (ky * w->taps_width + kx) * VEC16) *
                       load(image + ((ptrdiff_t)qy * w->out_width + qx) * VEC16);
          }
        }
      }
      for (size_t i = 0; i < count; i++, at += VEC16) apply_epilogue(gradient_in, at, &sums[i], 0, epilogue);
      column += (int32_t)count;
    }
  }
}
