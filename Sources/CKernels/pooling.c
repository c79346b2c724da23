#include "clones.h"
#include "kernels.h"
#include "transpose.h"

/* One map of sixteen channels, and the windows that slide over it. */
typedef struct pool {
  const float *in;
  int32_t height, width, size, stride, pad;
} pool;

/* The rows and columns of the map that a window sees. */
typedef struct seen {
  int32_t top, bottom, left, right;
} seen;

INLINE seen seen_by(const pool *p, int32_t qy, int32_t qx) {
  const int32_t y = qy * p->stride - p->pad, x = qx * p->stride - p->pad;
  return (seen){.top = y < 0 ? 0 : y, .bottom = y + p->size < p->height ? y + p->size : p->height,
                .left = x < 0 ? 0 : x, .right = x + p->size < p->width ? x + p->size : p->width};
}

/* The greater ones, and where they are new. */
INLINE void take_greater(lanes *best, integers *is_greater, const lanes *values) {
  *is_greater = *values > *best;
  *best = (lanes)(((integers)*values & *is_greater) | ((integers)*best & ~*is_greater));
}

INLINE const lanes *at(const pool *p, int32_t y, int32_t x) {
  return (const lanes *)(p->in + ((ptrdiff_t)y * p->width + x) * LANES);
}

CLONES WIDE void rt_max_pool(float *restrict out, const float *restrict in, size_t images, int32_t height,
                             int32_t width, int32_t out_height, int32_t out_width, int32_t size, int32_t stride,
                             int32_t pad) {
  pool p = {in, height, width, size, stride, pad};
  for (size_t image = 0; image < images; image++, p.in += (size_t)height * (size_t)width * LANES)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t qx = 0; qx < out_width; qx++, out += LANES) {
        const seen s = seen_by(&p, qy, qx);
        lanes best = (lanes){0} - __builtin_inff();
        integers is_greater;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++) take_greater(&best, &is_greater, at(&p, y, x));
        *(lanes *)out = best;
      }
}

CLONES WIDE void rt_max_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out,
                                      const float *restrict in, size_t images, int32_t height, int32_t width,
                                      int32_t out_height, int32_t out_width, int32_t size, int32_t stride,
                                      int32_t pad) {
  const size_t map = (size_t)height * (size_t)width * LANES;
  pool p = {in, height, width, size, stride, pad};
  for (size_t image = 0; image < images; image++, p.in += map, gradient_in += map)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t qx = 0; qx < out_width; qx++, gradient_out += LANES) {
        const seen s = seen_by(&p, qy, qx);
        lanes best = (lanes){0} - __builtin_inff();
        integers where = {0}, is_greater;
        int32_t tap = 0;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++, tap++) {
            take_greater(&best, &is_greater, at(&p, y, x));
            where = (where & ~is_greater) | (((integers){0} + tap) & is_greater);
          }
        tap = 0;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++, tap++) {
            lanes *place = (lanes *)(gradient_in + ((ptrdiff_t)y * width + x) * LANES);
            *place += (lanes)(*(const integers *)gradient_out & (where == tap));
          }
      }
}
