#include <string.h>

#include "clones.h"
#include "kernels.h"

static inline float float_from(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* The half's exponent and fraction are put in a float's place, whose exponent is then too small by 112. */
CLONES void rt_from_half(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t half;
    memcpy(&half, (const char *)in + 2 * i, 2);
    uint32_t magnitude = half & 0x7fffu;
    uint32_t bits = bits_of(float_from(magnitude << 13) * 0x1p112f);
    bits |= magnitude >= 0x7c00u ? 0x7f800000u : 0;
    out[i] = float_from(bits | (uint32_t)(half & 0x8000u) << 16);
  }
}

/* The smallest normal half is 2^-14. Below it halves are multiples of 2^-24, as floats from 0.5 to 1 are, so that
   adding 0.5 rounds to them; above it the carry of the rounded fraction goes to the exponent, which is too great by
   112. */
CLONES void rt_to_half(void *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float magnitude = float_from(bits_of(in[i]) & 0x7fffffffu);
    const float within = magnitude < 65504.0f ? magnitude : 65504.0f;
    const uint32_t bits = bits_of(within);
    const uint32_t normal = (bits + 0xfffu + (bits >> 13 & 1u) - (112u << 23)) >> 13;
    const uint32_t small = bits_of(within + 0.5f) - bits_of(0.5f);
    const uint16_t half = (uint16_t)((bits_of(in[i]) >> 16 & 0x8000u) | (within < 0x1p-14f ? small : normal));
    memcpy((char *)out + 2 * i, &half, 2);
  }
}

CLONES void rt_from_bfloat(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t upper;
    memcpy(&upper, (const char *)in + 2 * i, 2);
    out[i] = float_from((uint32_t)upper << 16);
  }
}

CLONES void rt_from_double(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    double value;
    memcpy(&value, (const char *)in + 8 * i, 8);
    out[i] = (float)value;
  }
}

CLONES bool rt_all_finite(const float *x, size_t count) {
  uint32_t bad = 0;
  for (size_t i = 0; i < count; i++) bad |= (bits_of(x[i]) & 0x7f800000u) == 0x7f800000u;
  return !bad;
}
