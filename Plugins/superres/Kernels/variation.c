#include "variation.h"

#include <stdint.h>
#include <string.h>

/* The choice is made before a thread sanitizer is ready for it. */
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), min_vector_width(512)))
#else
#define CLONES
#endif

#pragma clang fp contract(fast)

/* 1 / sqrt(x) for a normal number, to 5e-6: an estimate from the exponent and two of Newton's steps. */
static inline __attribute__((always_inline)) float inverse_root(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = 0x5f375a86 - (bits >> 1);
  float y;
  memcpy(&y, &bits, sizeof y);
  y *= 1.5f - 0.5f * x * y * y;
  return y * (1.5f - 0.5f * x * y * y);
}

CLONES void superres_descend_variation(float *restrict out, const float *restrict x, size_t width, size_t height,
                                       float step, float decay, float edge, float *restrict scratch) {
  const ptrdiff_t area = (ptrdiff_t)(width * height), columns = (ptrdiff_t)width;
  float *restrict red = scratch, *restrict green = red + width, *restrict blue = green + width;
  for (ptrdiff_t row = 0; row < (ptrdiff_t)height; row++) {
    memset(scratch, 0, 3 * width * sizeof *scratch);
    for (ptrdiff_t dy = -SUPERRES_REACH; dy <= SUPERRES_REACH; dy++) {
      if (row + dy < 0 || row + dy >= (ptrdiff_t)height) continue;
      for (ptrdiff_t dx = -SUPERRES_REACH; dx <= SUPERRES_REACH; dx++) {
        if (dx == 0 && dy == 0) continue;
        float weight = 1;
        for (ptrdiff_t d = (dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy); d > 0; d--) weight *= decay;
        const float *here = x + row * columns, *there = here + dy * columns + dx;
        const ptrdiff_t end = dx > 0 ? columns - dx : columns;
        for (ptrdiff_t i = dx < 0 ? -dx : 0; i < end; i++) {
          const float a = here[i] - there[i], b = here[area + i] - there[area + i];
          const float c = here[2 * area + i] - there[2 * area + i];
          const float share = weight * inverse_root(a * a + b * b + c * c + edge * edge);
          red[i] += share * a;
          green[i] += share * b;
          blue[i] += share * c;
        }
      }
    }
    for (ptrdiff_t c = 0; c < 3; c++) {
      const float *from = x + c * area + row * columns, *gradient = scratch + c * columns;
      float *to = out + c * area + row * columns;
      for (ptrdiff_t i = 0; i < columns; i++) to[i] = from[i] - step * gradient[i];
    }
  }
}
