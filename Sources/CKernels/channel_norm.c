#include <math.h>

#include "clones.h"
#include "exp16.h"
#include "kernels.h"
#include "vec16.h"

/* Which lanes of a block are channels of the map: all but in the last block. */
INLINE ivec16 lanes_of(size_t block, size_t channels) {
  const ivec16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const size_t left = channels - block * VEC16;
  return lane < (int32_t)(left < VEC16 ? left : VEC16);
}

INLINE float sum_of(vec16 x) {
  float sum = 0;
  for (size_t c = 0; c < VEC16; c++) sum += x[c];
  return sum;
}

INLINE vec16 masked(vec16 x, ivec16 kept) { return (vec16)((ivec16)x & kept); }
INLINE vec16 load(const float *x) { return *(const vec16 *)x; }

typedef struct moments {
  float mean, scale; /* scale: 1 / sqrt(variance + epsilon) */
} moments;

INLINE moments moments_of(const float *in, size_t block_stride, size_t channels, float epsilon) {
  const size_t blocks = (channels + VEC16 - 1) / VEC16;
  vec16 sum = {0}, square = {0};
  for (size_t b = 0; b < blocks; b++) sum += masked(load(in + b * block_stride), lanes_of(b, channels));
  const float mean = sum_of(sum) / (float)channels;
  for (size_t b = 0; b < blocks; b++) {
    const vec16 apart = masked(load(in + b * block_stride) - mean, lanes_of(b, channels));
    square += apart * apart;
  }
  return (moments){mean, 1 / sqrtf(sum_of(square) / (float)channels + epsilon)};
}

CLONES WIDE void rt_channel_norm(float *out, const float *in, size_t block_stride, size_t channels,
                                 const float *weight, const float *bias, float epsilon, size_t count) {
  const size_t blocks = (channels + VEC16 - 1) / VEC16;
  for (size_t i = 0; i < count; i++, in += VEC16, out += VEC16) {
    const moments m = moments_of(in, block_stride, channels, epsilon);
    for (size_t b = 0; b < blocks; b++)
      *(vec16 *)(out + b * block_stride) =
          (load(in + b * block_stride) - m.mean) * m.scale * load(weight + b * VEC16) + load(bias + b * VEC16);
  }
}

CLONES WIDE void rt_channel_norm_gradient(float *gradient_in, const float *gradient_out, const float *in,
                                          size_t block_stride, size_t channels, const float *weight, float epsilon,
                                          bool add, size_t count) {
  const size_t blocks = (channels + VEC16 - 1) / VEC16;
  for (size_t i = 0; i < count; i++, in += VEC16, gradient_in += VEC16, gradient_out += VEC16) {
    const moments m = moments_of(in, block_stride, channels, epsilon);
    vec16 sum = {0}, product = {0};
    for (size_t b = 0; b < blocks; b++) {
      const vec16 g = masked(load(gradient_out + b * block_stride) * load(weight + b * VEC16), lanes_of(b, channels));
      sum += g;
      product += g * (load(in + b * block_stride) - m.mean);
    }
    const float mean = sum_of(sum) / (float)channels;
    const float along = sum_of(product) * m.scale * m.scale / (float)channels;
    for (size_t b = 0; b < blocks; b++) {
      const vec16 g = load(gradient_out + b * block_stride) * load(weight + b * VEC16);
      vec16 own = m.scale * (g - mean - along * (load(in + b * block_stride) - m.mean));
      own = masked(own, lanes_of(b, channels));
      vec16 *to = (vec16 *)(gradient_in + b * block_stride);
      *to = add ? *to + own : own;
    }
  }
}

CLONES WIDE void rt_softmax(float *out, size_t out_stride, const float *in, size_t block_stride, size_t channels,
                            size_t count) {
  const size_t blocks = (channels + VEC16 - 1) / VEC16;
  const vec16 lowest = (vec16){0} - __builtin_inff();
  for (size_t i = 0; i < count; i++, in += VEC16, out += VEC16) {
    vec16 best = lowest, sum = {0};
    for (size_t b = 0; b < blocks; b++) {
      const vec16 x = select16(lanes_of(b, channels), load(in + b * block_stride), lowest);
      best = select16(x > best, x, best);
    }
    float most = best[0];
    for (size_t c = 1; c < VEC16; c++) most = best[c] > most ? best[c] : most;
    for (size_t b = 0; b < blocks; b++) {
      const vec16 e = masked(exp16(load(in + b * block_stride) - most), lanes_of(b, channels));
      sum += e;
      *(vec16 *)(out + b * out_stride) = e;
    }
    const float scale = 1 / sum_of(sum);
    for (size_t b = 0; b < blocks; b++) *(vec16 *)(out + b * out_stride) *= scale;
  }
}

CLONES WIDE void rt_softmax_gradient(float *gradient_in, const float *gradient_out, size_t block_stride,
                                     const float *value, size_t value_stride, size_t channels, bool add,
                                     size_t count) {
  const size_t blocks = (channels + VEC16 - 1) / VEC16;
  for (size_t i = 0; i < count; i++, value += VEC16, gradient_in += VEC16, gradient_out += VEC16) {
    vec16 sum = {0};
    for (size_t b = 0; b < blocks; b++)
      sum += masked(load(value + b * value_stride) * load(gradient_out + b * block_stride), lanes_of(b, channels));
    const float along = sum_of(sum);
    for (size_t b = 0; b < blocks; b++) {
      const vec16 own = masked(load(value + b * value_stride) * (load(gradient_out + b * block_stride) - along),
                               lanes_of(b, channels));
      vec16 *to = (vec16 *)(gradient_in + b * block_stride);
      *to = add ? *to + own : own;
    }
  }
}
