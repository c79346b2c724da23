#include "clones.h"
#include "kernels.h"
#include "relu_mask.h"
#include "vec16.h"

CLONES WIDE void rt_relu(float *restrict y, float ceiling, uint16_t *restrict mask, size_t count) {
  for (size_t i = 0; i < count; i++) clip16((vec16 *)(y + i * VEC16), ceiling, mask ? mask + i : NULL);
}

CLONES WIDE void rt_relu_gradient(float *restrict gradient, const uint16_t *restrict mask, size_t count) {
  for (size_t i = 0; i < count; i++) apply_relu_mask((vec16 *)(gradient + i * VEC16), mask[i]);
}

/* Channels so few, as in images, that vectors are made of them one by one. */
enum { FEW = 4 };

CLONES WIDE void rt_planar_to_blocked(float *restrict out, const float *restrict planes, size_t plane, int32_t channels,
                                      size_t count, const float *scale, const float *shift, bool add) {
  if (channels <= FEW) {
    float factors[FEW], offsets[FEW];
    for (int32_t c = 0; c < channels; c++) {
      factors[c] = scale ? scale[c] : 1;
      offsets[c] = shift ? shift[c] : 0;
    }
    for (size_t i = 0; i < count; i++) {
      vec16 line = {0};
      for (int32_t c = 0; c < channels; c++) line[c] = planes[(size_t)c * plane + i] * factors[c] + offsets[c];
      vec16 *to = (vec16 *)(out + i * VEC16);
      *to = add ? *to + line : line;
    }
    return;
  }
  _Alignas(64) float rows[VEC16][VEC16] = {{0}}, block[VEC16][VEC16];
  for (size_t at = 0; at < count; at += VEC16) {
    const size_t some = count - at < VEC16 ? count - at : VEC16;
    for (int32_t c = 0; c < channels; c++) {
      const float factor = scale ? scale[c] : 1, offset = shift ? shift[c] : 0;
      const float *plane_of = planes + (size_t)c * plane + at;
      if (some == VEC16)
        *(vec16 *)rows[c] = *(const vec16 *)plane_of * factor + offset;
      else
        for (size_t i = 0; i < some; i++) rows[c][i] = plane_of[i] * factor + offset;
    }
    transpose16(block[0], VEC16, rows[0], VEC16);
    for (size_t i = 0; i < some; i++) {
      vec16 *line = (vec16 *)(out + (at + i) * VEC16);
      *line = add ? *line + *(const vec16 *)block[i] : *(const vec16 *)block[i];
    }
  }
}

CLONES WIDE void rt_blocked_to_planar(float *restrict planes, size_t plane, const float *restrict in, int32_t channels,
                                      size_t count, const float *scale) {
  if (channels <= FEW) {
    for (int32_t c = 0; c < channels; c++) {
      const float factor = scale ? scale[c] : 1;
      for (size_t i = 0; i < count; i++) planes[(size_t)c * plane + i] = in[i * VEC16 + (size_t)c] * factor;
    }
    return;
  }
  _Alignas(64) float lines[VEC16][VEC16] = {{0}}, rows[VEC16][VEC16];
  for (size_t at = 0; at < count; at += VEC16) {
    const size_t some = count - at < VEC16 ? count - at : VEC16;
    const float *from = in + at * VEC16;
    if (some < VEC16) {
      for (size_t i = 0; i < some; i++) *(vec16 *)lines[i] = *(const vec16 *)(from + i * VEC16);
      from = lines[0];
    }
    transpose16(rows[0], VEC16, from, VEC16);
    for (int32_t c = 0; c < channels; c++) {
      float *out = planes + (size_t)c * plane + at;
      const vec16 values = *(const vec16 *)rows[c] * (scale ? scale[c] : 1);
      if (some == VEC16)
        *(vec16 *)out = values;
      else
        for (size_t i = 0; i < some; i++) out[i] = values[i];
    }
  }
}

CLONES WIDE void rt_channel_affine(float *restrict out, const float *restrict in, const float *scale,
                                   const float *shift, bool add, size_t count) {
  const vec16 factor = *(const vec16 *)scale, offset = shift ? *(const vec16 *)shift : (vec16){0};
  for (size_t i = 0; i < count; i++) {
    vec16 *to = (vec16 *)(out + i * VEC16);
    const vec16 value = *(const vec16 *)(in + i * VEC16) * factor + offset;
    *to = add ? *to + value : value;
  }
}

CLONES WIDE void rt_add_transposed(float *restrict out, size_t out_stride, const float *restrict in, size_t in_stride,
                                   size_t rows, size_t columns) {
  for (size_t c = 0; c < columns; c += VEC16)
    for (size_t r = 0; r < rows; r += VEC16) {
      const size_t height = rows - r < VEC16 ? rows - r : VEC16, width = columns - c < VEC16 ? columns - c : VEC16;
      if (height < VEC16 || width < VEC16) {
        for (size_t i = c; i < c + width; i++)
          for (size_t j = r; j < r + height; j++) out[i * out_stride + j] += in[j * in_stride + i];
        continue;
      }
      vec16 lines[VEC16];
      for (size_t k = 0; k < VEC16; k++) lines[k] = *(const vec16 *)(in + (r + k) * in_stride + c);
      transpose_lines(lines);
      for (size_t k = 0; k < VEC16; k++) *(vec16 *)(out + (c + k) * out_stride + r) += lines[k];
    }
}
