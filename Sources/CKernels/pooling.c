#include "clones.h"
#include "kernels.h"

enum { CHUNK = 64 };

/* One map, and the windows that slide over it. */
typedef struct pool {
  const float *in;
  int32_t height, width, size, stride, pad;
} pool;

/* The maxima of `count` windows of row `qy` from column `first` on, and, if asked for, where each was met first. */
static inline __attribute__((always_inline)) void maxima(float *restrict best, int32_t *restrict where, const pool *p,
                                                         int32_t qy, int32_t first, int32_t count, int32_t stride) {
  for (int32_t k = 0; k < count; k++) best[k] = -__builtin_inff();
  if (where)
    for (int32_t k = 0; k < count; k++) where[k] = 0;
  const int32_t top = qy * stride - p->pad, bottom = top + p->size < p->height ? top + p->size : p->height;
  for (int32_t y = top < 0 ? 0 : top; y < bottom; y++)
    for (int32_t tap = 0; tap < p->size; tap++) {
      /* Window k reads column x + k stride. */
      const int32_t x = first * stride - p->pad + tap;
      const int32_t low = x < 0 ? (-x + stride - 1) / stride : 0;
      const int32_t end = x < p->width ? (p->width - x + stride - 1) / stride : 0, high = end < count ? end : count;
      const ptrdiff_t at = (ptrdiff_t)y * p->width + x;
      for (int32_t k = low; k < high; k++) {
        const float value = p->in[at + k * stride];
        if (where) where[k] = value > best[k] ? (int32_t)at + k * stride : where[k];
        best[k] = value > best[k] ? value : best[k];
      }
    }
}

/* Has the compiler make the common stride apart. */
static inline __attribute__((always_inline)) void find_maxima(float *best, int32_t *where, const pool *p, int32_t qy,
                                                              int32_t first, int32_t count) {
  if (p->stride == 2)
    maxima(best, where, p, qy, first, count, 2);
  else
    maxima(best, where, p, qy, first, count, p->stride);
}

CLONES void rt_max_pool(float *restrict out, const float *restrict in, size_t images, int32_t height, int32_t width,
                        int32_t out_height, int32_t out_width, int32_t size, int32_t stride, int32_t pad) {
  float best[CHUNK];
  pool p = {in, height, width, size, stride, pad};
  for (size_t image = 0; image < images; image++, p.in += (size_t)height * (size_t)width)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t first = 0; first < out_width; first += CHUNK) {
        const int32_t count = out_width - first < CHUNK ? out_width - first : CHUNK;
        find_maxima(best, NULL, &p, qy, first, count);
        for (int32_t k = 0; k < count; k++) *out++ = best[k];
      }
}

CLONES void rt_max_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out,
                                 const float *restrict in, size_t images, int32_t height, int32_t width,
                                 int32_t out_height, int32_t out_width, int32_t size, int32_t stride, int32_t pad) {
  const size_t map = (size_t)height * (size_t)width;
  float best[CHUNK];
  int32_t where[CHUNK];
  pool p = {in, height, width, size, stride, pad};
  for (size_t image = 0; image < images; image++, p.in += map, gradient_in += map)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t first = 0; first < out_width; first += CHUNK) {
        const int32_t count = out_width - first < CHUNK ? out_width - first : CHUNK;
        find_maxima(best, where, &p, qy, first, count);
        for (int32_t k = 0; k < count; k++) gradient_in[where[k]] += *gradient_out++;
      }
}
