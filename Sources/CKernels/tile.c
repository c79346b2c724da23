#include "kernels.h"

/* The sums stay in registers while the depth is run through once for each slice of LANES * VECTORS positions. */
#define TILE(LANES, VECTORS)                                                                        \
  typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));                         \
  for (size_t slice = 0; slice < count; slice += LANES * VECTORS) {                                 \
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

/* The same with rows side by side in LANES * VECTORS, and COUNT positions `step` apart, whose next terms are `advance`
   apart. */
#define ROWS_TILE(LANES, VECTORS, COUNT)                                                            \
  case COUNT: {                                                                                     \
    typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));                       \
    for (size_t slice = 0; slice < RT_MANY_ROWS; slice += LANES * VECTORS) {                        \
      vector sums[COUNT][VECTORS] = {0};                                                            \
      const float *w = weights + slice, *c = columns;                                               \
      for (size_t k = 0; k < depth; k++, w += RT_MANY_ROWS, c += advance) {                         \
        if (ahead.weights) {                                                                        \
          const size_t row = ahead.first + (ahead.half ? k / 2 : k);                                \
          const float *near = ahead.weights + row / RT_MANY_ROWS * ahead.step + row % RT_MANY_ROWS * RT_MANY_ROWS;\
          if (ahead.half)                                                                           \
            __builtin_prefetch(near + slice + (VECTORS > 1 ? k % 2 * LANES : 0), 0, 2);             \
          else                                                                                      \
            for (int v = 0; v < VECTORS; v++) __builtin_prefetch(near + slice + v * LANES, 0, 2);   \
        }                                                                                           \
        for (int v = 0; v < VECTORS; v++) {                                                         \
          const vector x = *(const vector *)(w + v * LANES);                                        \
          for (size_t p = 0; p < COUNT; p++) sums[p][v] += c[p * step] * x;                         \
        }                                                                                           \
      }                                                                                             \
      for (int p = 0; p < COUNT; p++)                                                               \
        for (int v = 0; v < VECTORS; v++)                                                           \
          *(vector *)(tile + p * RT_MANY_ROWS + slice + v * LANES) = sums[p][v];                    \
    }                                                                                               \
    break;                                                                                          \
  }

#define ROWS_TILES(LANES, VECTORS)                                                                  \
  switch (count) {                                                                                  \
    ROWS_TILE(LANES, VECTORS, 1)                                                                    \
    ROWS_TILE(LANES, VECTORS, 2)                                                                    \
    ROWS_TILE(LANES, VECTORS, 3)                                                                    \
    ROWS_TILE(LANES, VECTORS, 4)                                                                    \
    ROWS_TILE(LANES, VECTORS, 5)                                                                    \
    ROWS_TILE(LANES, VECTORS, 6)                                                                    \
    ROWS_TILE(LANES, VECTORS, 7)                                                                    \
    ROWS_TILE(LANES, VECTORS, 8)                                                                    \
  }

/* Positions of a panel lie side by side. */
#define PANEL_ROWS_TILES(LANES, VECTORS)    \
  enum { step = 1, advance = RT_PANEL };    \
  ROWS_TILES(LANES, VECTORS)
#define STRIDED_ROWS_TILES(LANES, VECTORS)  \
  enum { advance = 1 };                     \
  ROWS_TILES(LANES, VECTORS)

#define ARGUMENTS float *restrict tile, const float *restrict weights, const float *restrict columns
#define TILE_ARGUMENTS ARGUMENTS, size_t depth, size_t count
#define PANEL_ARGUMENTS ARGUMENTS, size_t depth, size_t count, rt_ahead ahead
#define STRIDED_ARGUMENTS ARGUMENTS, size_t step, size_t depth, size_t count, rt_ahead ahead

#if defined(__x86_64__)
/* Each CPU has registers of another width, so these are written apart instead of cloned. */
#define V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define V3 __attribute__((target("arch=x86-64-v3")))
V4 static void tile_v4(TILE_ARGUMENTS) {
  if (count > 16) {
    TILE(16, 2)
  } else {
    TILE(16, 1)
  }
}
V4 static void panel_tile_v4(PANEL_ARGUMENTS) { PANEL_ROWS_TILES(16, 2) }
V4 static void strided_tile_v4(STRIDED_ARGUMENTS) { STRIDED_ROWS_TILES(16, 2) }
V3 static void tile_v3(TILE_ARGUMENTS) { TILE(8, 1) }
V3 static void panel_tile_v3(PANEL_ARGUMENTS) { PANEL_ROWS_TILES(8, 1) }
V3 static void strided_tile_v3(STRIDED_ARGUMENTS) { STRIDED_ROWS_TILES(8, 1) }
static void tile_v1(TILE_ARGUMENTS) { TILE(4, 1) }
static void panel_tile_v1(PANEL_ARGUMENTS) { PANEL_ROWS_TILES(4, 1) }
static void strided_tile_v1(STRIDED_ARGUMENTS) { STRIDED_ROWS_TILES(4, 1) }

static const rt_tile_variant variants[] = {
    {"x86-64-v4", tile_v4, panel_tile_v4, strided_tile_v4},
    {"x86-64-v3", tile_v3, panel_tile_v3, strided_tile_v3},
    {"x86-64", tile_v1, panel_tile_v1, strided_tile_v1},
};
static size_t best(void) {
  return __builtin_cpu_supports("x86-64-v4") ? 0 : __builtin_cpu_supports("x86-64-v3") ? 1 : 2;
}
#else
static void tile_plain(TILE_ARGUMENTS) { TILE(4, 2) }
static void panel_tile_plain(PANEL_ARGUMENTS) { PANEL_ROWS_TILES(4, 2) }
static void strided_tile_plain(STRIDED_ARGUMENTS) { STRIDED_ROWS_TILES(4, 2) }

static const rt_tile_variant variants[] = {{"plain", tile_plain, panel_tile_plain, strided_tile_plain}};
static size_t best(void) { return 0; }
#endif

const rt_tile_variant *rt_tile_variants(size_t *count) {
  *count = sizeof variants / sizeof *variants - best();
  return variants + best();
}

void rt_tile(TILE_ARGUMENTS) { variants[best()].panel(tile, weights, columns, depth, count); }

void rt_tile_many_rows(PANEL_ARGUMENTS) {
  variants[best()].many_rows(tile, weights, columns, depth, count, ahead);
}

void rt_tile_strided(STRIDED_ARGUMENTS) {
  variants[best()].strided(tile, weights, columns, step, depth, count, ahead);
}
