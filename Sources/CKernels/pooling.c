#include "clones.h"
#include "kernels.h"

static inline int32_t first_of(int32_t q, int32_t stride, int32_t pad) {
  int32_t at = q * stride - pad;
  return at < 0 ? 0 : at;
}

static inline int32_t end_of(int32_t q, int32_t stride, int32_t pad, int32_t size, int32_t length) {
  int32_t at = q * stride - pad + size;
  return at > length ? length : at;
}

CLONES void rt_max_pool(float *restrict out, const float *restrict in, size_t images, int32_t height, int32_t width,
                        int32_t out_height, int32_t out_width, int32_t size, int32_t stride, int32_t pad) {
  for (size_t image = 0; image < images; image++, in += (size_t)height * (size_t)width)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t qx = 0; qx < out_width; qx++) {
        float best = -__builtin_inff();
        for (int32_t y = first_of(qy, stride, pad); y < end_of(qy, stride, pad, size, height); y++)
          for (int32_t x = first_of(qx, stride, pad); x < end_of(qx, stride, pad, size, width); x++) {
            float value = in[(size_t)y * (size_t)width + (size_t)x];
            best = value > best ? value : best;
          }
        *out++ = best;
      }
}

CLONES void rt_max_pool_gradient(float *restrict gradient_in, const float *restrict gradient_out,
                                 const float *restrict in, size_t images, int32_t height, int32_t width,
                                 int32_t out_height, int32_t out_width, int32_t size, int32_t stride, int32_t pad) {
  const size_t map = (size_t)height * (size_t)width;
  for (size_t image = 0; image < images; image++, in += map, gradient_in += map)
    for (int32_t qy = 0; qy < out_height; qy++)
      for (int32_t qx = 0; qx < out_width; qx++) {
        float best = -__builtin_inff();
        size_t where = 0;
        for (int32_t y = first_of(qy, stride, pad); y < end_of(qy, stride, pad, size, height); y++)
          for (int32_t x = first_of(qx, stride, pad); x < end_of(qx, stride, pad, size, width); x++) {
            size_t at = (size_t)y * (size_t)width + (size_t)x;
            if (in[at] > best) {
              best = in[at];
              where = at;
            }
          }
        gradient_in[where] += *gradient_out++;
      }
}
