#include "clones.h"
#include "kernels.h"
#include "vec16.h"

/* One block of channels of a map, and the windows that slide over it. */
typedef struct pool {
  const float *in;
  int32_t height, width, size, stride, pad;
} pool;

/* The rows and columns of the map that a window covers. */
typedef struct rectangle {
  int32_t top, bottom, left, right;
} rectangle;

INLINE rectangle covered_by(const pool *p, int32_t qy, int32_t qx) {
  const int32_t y = qy * p->stride - p->pad, x = qx * p->stride - p->pad;
  return (rectangle){.top = y < 0 ? 0 : y, .bottom = y + p->size < p->height ? y + p->size : p->height,
                .left = x < 0 ? 0 : x, .right = x + p->size < p->width ? x + p->size : p->width};
}

/* best = max(best, values), and in which channels it changed. */
INLINE void update_max(vec16 *best, ivec16 *is_greater, const vec16 *values) {
  *is_greater = *values > *best;
  *best = (vec16)(((ivec16)*values & *is_greater) | ((ivec16)*best & ~*is_greater));
}

INLINE const vec16 *at(const pool *p, int32_t y, int32_t x) {
  return (const vec16 *)(p->in + ((ptrdiff_t)y * p->width + x) * VEC16);
}

CLONES WIDE void rt_max_pool(float *restrict out, const float *restrict in, size_t images, int32_t height,
                             int32_t width, int32_t out_height, int32_t out_width, int32_t size, int32_t stride,
                             int32_t pad) {
  pool p = {in, height, width, size, stride, pad};
  for (size_t image = 0; image < images; image++, p.in += (size_t)height * (size_t)width * VEC16)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t qx = 0; qx < out_width; qx++, out += VEC16) {
        const rectangle s = covered_by(&p, qy, qx);
        vec16 best = (vec16){0} - __builtin_inff();
        ivec16 is_greater;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++) update_max(&best, &is_greater, at(&p, y, x));
        *(vec16 *)out = best;
      }
}

CLONES WIDE void rt_max_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out,
                                      const float *restrict in, size_t images, int32_t height, int32_t width,
                                      int32_t out_height, int32_t out_width, int32_t size, int32_t stride,
                                      int32_t pad) {
  const size_t map = (size_t)height * (size_t)width * VEC16;
  pool p = {in, height, width, size, stride, pad};
  for (size_t image = 0; image < images; image++, p.in += map, gradient_in += map)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t qx = 0; qx < out_width; qx++, gradient_out += VEC16) {
        const rectangle s = covered_by(&p, qy, qx);
        vec16 best = (vec16){0} - __builtin_inff();
        ivec16 where = {0}, is_greater;
        int32_t tap = 0;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++, tap++) {
            update_max(&best, &is_greater, at(&p, y, x));
            where = (where & ~is_greater) | (((ivec16){0} + tap) & is_greater);
          }
        tap = 0;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++, tap++) {
            vec16 *target = (vec16 *)(gradient_in + ((ptrdiff_t)y * width + x) * VEC16);
            *target += (vec16)(*(const ivec16 *)gradient_out & (where == tap));
          }
      }
}

CLONES WIDE void rt_mean_pool(float *restrict out, const float *restrict in, size_t count) {
  double sums[VEC16] = {0};
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < VEC16; c++) sums[c] += in[i * VEC16 + c];
  for (size_t c = 0; c < VEC16; c++) out[c] = (float)(sums[c] / (double)count);
}

CLONES WIDE void rt_mean_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out, size_t count) {
  const vec16 share = *(const vec16 *)gradient_out / (float)count;
  for (size_t i = 0; i < count; i++) *(vec16 *)(gradient_in + i * VEC16) += share;
}
