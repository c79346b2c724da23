#include "kernels.h"

/* The sums stay in registers while the depth is run through once for each slice of LANES * VECTORS positions. */
#define TILE(LANES, VECTORS)                                                                        \
  typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));                         \
  for (size_t slice = 0; slice < RT_PANEL; slice += LANES * VECTORS) {                              \
    vector sums[RT_ROWS][VECTORS] = {0};                                                            \
    const float *w = weights, *c = columns + slice;                                                 \
    for (size_t k = 0; k < depth; k++, w += RT_ROWS, c += RT_PANEL)                                 \
      for (int v = 0; v < VECTORS; v++) {                                                           \
        const vector x = *(const vector *)(c + v * LANES);                                          \
        for (int r = 0; r < RT_ROWS; r++) sums[r][v] += w[r] * x;                                   \
      }                                                                                             \
    for (int r = 0; r < RT_ROWS; r++)                                                               \
      for (int v = 0; v < VECTORS; v++) *(vector *)(tile + r * RT_PANEL + slice + v * LANES) = sums[r][v]; \
  }

typedef void tile_function(float *restrict tile, const float *restrict weights, const float *restrict columns,
                           size_t depth);

#if defined(__x86_64__)
/* Each CPU has registers of another width, so these are written apart instead of cloned. */
__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void tile_v4(
    float *restrict tile, const float *restrict weights, const float *restrict columns, size_t depth) {
  TILE(16, 2)
}

__attribute__((target("arch=x86-64-v3"))) static void tile_v3(
    float *restrict tile, const float *restrict weights, const float *restrict columns, size_t depth) {
  TILE(8, 1)
}

static void tile_v1(float *restrict tile, const float *restrict weights, const float *restrict columns,
                    size_t depth) {
  TILE(4, 1)
}

void rt_tile(float *tile, const float *weights, const float *columns, size_t depth) {
  if (__builtin_cpu_supports("x86-64-v4"))
    tile_v4(tile, weights, columns, depth);
  else if (__builtin_cpu_supports("x86-64-v3"))
    tile_v3(tile, weights, columns, depth);
  else
    tile_v1(tile, weights, columns, depth);
}
#else
void rt_tile(float *restrict tile, const float *restrict weights, const float *restrict columns, size_t depth) {
  TILE(4, 2)
}
#endif
