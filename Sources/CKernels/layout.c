#include "clones.h"
#include "kernels.h"
#include "signs.h"
#include "transpose.h"

CLONES WIDE void rt_relu(float *restrict y, uint16_t *restrict positive, size_t count) {
  for (size_t i = 0; i < count; i++) {
    rectify((lanes *)(y + i * LANES));
    if (positive) positive[i] = positive_lanes((const lanes *)(y + i * LANES));
  }
}

CLONES WIDE void rt_mask(float *restrict gradient, const uint16_t *restrict positive, size_t count) {
  for (size_t i = 0; i < count; i++) keep_lanes((lanes *)(gradient + i * LANES), positive[i]);
}

/* Images have so few channels that vectors are made of them one by one. */
enum { FEW = 4 };

CLONES WIDE void rt_to_lanes(float *restrict out, const float *restrict planes, size_t plane, int32_t channels,
                             size_t count, const float *scale, const float *shift, bool add) {
  if (channels <= FEW) {
    float factors[FEW], offsets[FEW];
    for (int32_t c = 0; c < channels; c++) {
      factors[c] = scale ? scale[c] : 1;
      offsets[c] = shift ? shift[c] : 0;
    }
    for (size_t i = 0; i < count; i++) {
      lanes line = {0};
      for (int32_t c = 0; c < channels; c++) line[c] = planes[(size_t)c * plane + i] * factors[c] + offsets[c];
      lanes *to = (lanes *)(out + i * LANES);
      *to = add ? *to + line : line;
    }
    return;
  }
  _Alignas(64) float rows[LANES][LANES] = {{0}}, block[LANES][LANES];
  for (size_t at = 0; at < count; at += LANES) {
    const size_t some = count - at < LANES ? count - at : LANES;
    for (int32_t c = 0; c < channels; c++) {
      const float factor = scale ? scale[c] : 1, offset = shift ? shift[c] : 0;
      const float *plane_of = planes + (size_t)c * plane + at;
      if (some == LANES)
        *(lanes *)rows[c] = *(const lanes *)plane_of * factor + offset;
      else
        for (size_t i = 0; i < some; i++) rows[c][i] = plane_of[i] * factor + offset;
    }
    transpose16(block[0], LANES, rows[0], LANES);
    for (size_t i = 0; i < some; i++) {
      lanes *line = (lanes *)(out + (at + i) * LANES);
      *line = add ? *line + *(const lanes *)block[i] : *(const lanes *)block[i];
    }
  }
}

CLONES WIDE void rt_from_lanes(float *restrict planes, size_t plane, const float *restrict in, int32_t channels,
                               size_t count, const float *scale) {
  if (channels <= FEW) {
    for (int32_t c = 0; c < channels; c++) {
      const float factor = scale ? scale[c] : 1;
      for (size_t i = 0; i < count; i++) planes[(size_t)c * plane + i] = in[i * LANES + (size_t)c] * factor;
    }
    return;
  }
  _Alignas(64) float lines[LANES][LANES] = {{0}}, rows[LANES][LANES];
  for (size_t at = 0; at < count; at += LANES) {
    const size_t some = count - at < LANES ? count - at : LANES;
    const float *from = in + at * LANES;
    if (some < LANES) {
      for (size_t i = 0; i < some; i++) *(lanes *)lines[i] = *(const lanes *)(from + i * LANES);
      from = lines[0];
    }
    transpose16(rows[0], LANES, from, LANES);
    for (int32_t c = 0; c < channels; c++) {
      float *out = planes + (size_t)c * plane + at;
      const lanes values = *(const lanes *)rows[c] * (scale ? scale[c] : 1);
      if (some == LANES)
        *(lanes *)out = values;
      else
        for (size_t i = 0; i < some; i++) out[i] = values[i];
    }
  }
}

CLONES WIDE void rt_affine_lanes(float *restrict out, const float *restrict in, const float *scale, const float *shift,
                                 bool add, size_t count) {
  const lanes factor = *(const lanes *)scale, offset = shift ? *(const lanes *)shift : (lanes){0};
  for (size_t i = 0; i < count; i++) {
    lanes *to = (lanes *)(out + i * LANES);
    const lanes value = *(const lanes *)(in + i * LANES) * factor + offset;
    *to = add ? *to + value : value;
  }
}

CLONES WIDE void rt_mean_lanes(float *restrict out, const float *restrict in, size_t count) {
  double sums[LANES] = {0};
  for (size_t i = 0; i < count; i++)
    for (size_t c = 0; c < LANES; c++) sums[c] += in[i * LANES + c];
  for (size_t c = 0; c < LANES; c++) out[c] = (float)(sums[c] / (double)count);
}

CLONES WIDE void rt_spread_lanes(float *restrict out, const float *restrict in, size_t count) {
  const lanes share = *(const lanes *)in / (float)count;
  for (size_t i = 0; i < count; i++) *(lanes *)(out + i * LANES) += share;
}
