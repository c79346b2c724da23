#include "clones.h"
#include "kernels.h"
#include "vec16.h"

/* The rows and columns of the map that a window covers. */
typedef struct rectangle {
  int32_t top, bottom, left, right;
} rectangle;

INLINE rectangle covered_by(const rt_pool *p, int32_t qy, int32_t qx) {
  const int32_t y = qy * p->stride_y - p->top, x = qx * p->stride_x - p->left;
  return (rectangle){.top = y < 0 ? 0 : y, .bottom = y + p->size_y < p->height ? y + p->size_y : p->height,
                .left = x < 0 ? 0 : x, .right = x + p->size_x < p->width ? x + p->size_x : p->width};
}

/* best = max(best, values), and in which channels it changed. */
INLINE void update_max(vec16 *best, ivec16 *is_greater, const vec16 *values) {
  *is_greater = *values > *best;
  *best = (vec16)(((ivec16)*values & *is_greater) | ((ivec16)*best & ~*is_greater));
}

INLINE ptrdiff_t at(const rt_pool *p, int32_t y, int32_t x) { return ((ptrdiff_t)y * p->width + x) * VEC16; }
INLINE size_t map_floats(const rt_pool *p) { return (size_t)p->height * (size_t)p->width * VEC16; }

CLONES WIDE void rt_max_pool(float *restrict out, const float *restrict in, const rt_pool *p) {
  for (size_t image = 0; image < p->images; image++, in += map_floats(p))
    for (int32_t qy = 0; qy < p->out_height; qy++)
      for (int32_t qx = 0; qx < p->out_width; qx++, out += VEC16) {
        const rectangle s = covered_by(p, qy, qx);
        vec16 best = (vec16){0} - __builtin_inff();
        ivec16 is_greater;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++)
            update_max(&best, &is_greater, (const vec16 *)(in + at(p, y, x)));
        *(vec16 *)out = best;
      }
}

CLONES WIDE void rt_max_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out,
                                      const float *restrict in, const rt_pool *p) {
  for (size_t image = 0; image < p->images; image++, in += map_floats(p), gradient_in += map_floats(p))
    for (int32_t qy = 0; qy < p->out_height; qy++)
      for (int32_t qx = 0; qx < p->out_width; qx++, gradient_out += VEC16) {
        const rectangle s = covered_by(p, qy, qx);
        vec16 best = (vec16){0} - __builtin_inff();
        ivec16 where = {0}, is_greater;
        int32_t tap = 0;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++, tap++) {
            update_max(&best, &is_greater, (const vec16 *)(in + at(p, y, x)));
            where = (where & ~is_greater) | (((ivec16){0} + tap) & is_greater);
          }
        tap = 0;
        for (int32_t y = s.top; y < s.bottom; y++)
          for (int32_t x = s.left; x < s.right; x++, tap++)
            *(vec16 *)(gradient_in + at(p, y, x)) += (vec16)(*(const ivec16 *)gradient_out & (where == tap));
      }
}

CLONES WIDE void rt_average_pool(float *restrict out, const float *restrict in, const rt_pool *p,
                                 const rt_span *rows, const rt_span *columns) {
  for (size_t image = 0; image < p->images; image++, in += map_floats(p))
    for (int32_t qy = 0; qy < p->out_height; qy++)
      for (int32_t qx = 0; qx < p->out_width; qx++, out += VEC16) {
        vec16 sum = {0};
        for (int32_t y = rows[qy].first; y < rows[qy].end; y++)
          for (int32_t x = columns[qx].first; x < columns[qx].end; x++) sum += *(const vec16 *)(in + at(p, y, x));
        *(vec16 *)out = sum * (rows[qy].share * columns[qx].share);
      }
}

CLONES WIDE void rt_average_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out,
                                          const rt_pool *p, const rt_span *rows, const rt_span *columns) {
  for (size_t image = 0; image < p->images; image++, gradient_in += map_floats(p))
    for (int32_t qy = 0; qy < p->out_height; qy++)
      for (int32_t qx = 0; qx < p->out_width; qx++, gradient_out += VEC16) {
        const vec16 share = *(const vec16 *)gradient_out * (rows[qy].share * columns[qx].share);
        for (int32_t y = rows[qy].first; y < rows[qy].end; y++)
          for (int32_t x = columns[qx].first; x < columns[qx].end; x++)
            *(vec16 *)(gradient_in + at(p, y, x)) += share;
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
