#include "pairs.h"

#include "kernels.h"

#define UNROLL _Pragma("clang loop unroll(full)")

/* The sums of COUNT positions stay in registers while the terms are run through, once for each slice of LANES * VECTORS
   rows of BLOCKS blocks. ADD is one of those of pairs.h. */
#define TILE(ADD, LANES, VECTORS, BLOCKS, COUNT)                                                              \
  case COUNT: {                                                                                           \
    typedef float vector __attribute__((vector_size(4 * LANES), aligned(4)));                             \
    for (size_t slice = 0; slice < RT_ROWS; slice += LANES * VECTORS) {                                   \
      vector sums[COUNT][BLOCKS][VECTORS] = {0};                                                          \
      const float *w = weights + slice, *const *from = terms->from;                                       \
      size_t line = ahead.line;                                                                           \
      for (size_t tap = 0; tap < terms->taps; tap++, from += COUNT) {                                     \
        const float *c[COUNT];                                                                            \
        UNROLL for (size_t p = 0; p < COUNT; p++) c[p] = from[p];                                         \
        for (size_t block = 0; block < terms->blocks; block++) {                                          \
          const float *near = NULL;                                                                       \
          if (ahead.weights && slice == 0) {                                                              \
            near = ahead.weights + line / LINES * ahead.step + line % LINES * LINE;                       \
            line += ahead.lines;                                                                          \
          }                                                                                               \
          _Pragma("clang loop unroll(disable)") for (size_t k = 0; k < RT_LANES; k++, w += RT_ROWS) {     \
            if (near) {                                                                                   \
              UNROLL for (size_t b = 0; b < BLOCKS; b++) bring_near(near + b * ahead.second, k, ahead.lines);   \
            }                                                                                             \
            vector x[BLOCKS][VECTORS];                                                                    \
            UNROLL for (size_t b = 0; b < BLOCKS; b++)                                                    \
              UNROLL for (size_t v = 0; v < VECTORS; v++)                                                 \
                x[b][v] = *(const vector *)(w + b * second + v * LANES);                                  \
            UNROLL for (size_t p = 0; p < COUNT; p++)                                                     \
              UNROLL for (size_t b = 0; b < BLOCKS; b++)                                                  \
                UNROLL for (size_t v = 0; v < VECTORS; v++) ADD(LANES, sums[p][b][v], x[b][v], c[p][k]);  \
          }                                                                                               \
          UNROLL for (size_t p = 0; p < COUNT; p++) c[p] += terms->step;                                  \
        }                                                                                                 \
      }                                                                                                   \
      UNROLL for (size_t p = 0; p < COUNT; p++)                                                           \
        UNROLL for (size_t b = 0; b < BLOCKS; b++)                                                        \
          UNROLL for (size_t v = 0; v < VECTORS; v++)                                                     \
            *(vector *)(out + (p * stride + b) * RT_ROWS + slice + v * LANES) = sums[p][b][v];            \
    }                                                                                                     \
    break;                                                                                                \
  }

#define TILES_TO_6(ADD, LANES, VECTORS, BLOCKS) \
  TILE(ADD, LANES, VECTORS, BLOCKS, 1)          \
  TILE(ADD, LANES, VECTORS, BLOCKS, 2)          \
  TILE(ADD, LANES, VECTORS, BLOCKS, 3)          \
  TILE(ADD, LANES, VECTORS, BLOCKS, 4)          \
  TILE(ADD, LANES, VECTORS, BLOCKS, 5)          \
  TILE(ADD, LANES, VECTORS, BLOCKS, 6)
#define TILES_TO_8(ADD, LANES, VECTORS, BLOCKS) \
  TILES_TO_6(ADD, LANES, VECTORS, BLOCKS)       \
  TILE(ADD, LANES, VECTORS, BLOCKS, 7)          \
  TILE(ADD, LANES, VECTORS, BLOCKS, 8)

/* Floats of a line of a cache, and lines of a square. */
enum { LINE = 16, LINES = RT_SQUARE / LINE };

/* Of so many lines that are due with RT_LANES terms, those due with term k. */
static inline __attribute__((always_inline)) void bring_near(const float *weights, size_t k, size_t lines) {
  if (k < lines) __builtin_prefetch(weights + k * LINE, 0, 2);
  if (k + RT_LANES < lines) __builtin_prefetch(weights + (k + RT_LANES) * LINE, 0, 2);
}

#define TILE_ARGUMENTS                                                                                      \
  float *sums, const float *weights, size_t second, int32_t row_blocks, const rt_terms *terms, size_t count, \
      rt_ahead ahead
#define BLOCK_ARGUMENTS                                                                                       \
  float *restrict out, size_t stride, const float *restrict weights, size_t second, const rt_terms *terms, \
      size_t count, rt_ahead ahead

/* CPUs with half as many registers do the blocks one after the other. */
#define BLOCK_BY_BLOCK(BLOCK)                                                                               \
  for (int32_t b = 0; b < row_blocks; b++) {                                                                \
    rt_ahead own = ahead;                                                                                   \
    if (own.weights) own.weights += (size_t)b * own.second;                                                     \
    (BLOCK)(sums + b * RT_ROWS, (size_t)row_blocks, weights + (size_t)b * second, second, terms, count, own); \
  }

/* Pairs on CPUs without units for them. */
static void pairs_plain(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_8(ADD_PAIRS, 4, 2, 1) }
}

#if defined(__x86_64__)
/* Each CPU has registers of another width, so these are written apart instead of cloned. */
#define V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define V3 __attribute__((target("arch=x86-64-v3")))
V4 static void single_v4(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_8(ADD_FLOATS, 16, 2, 1) }
}
V4 static void double_v4(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_6(ADD_FLOATS, 16, 2, 2) }
}
V4 static void floats_v4(TILE_ARGUMENTS) {
  if (row_blocks == 1)
    single_v4(sums, 1, weights, second, terms, count, ahead);
  else
    double_v4(sums, 2, weights, second, terms, count, ahead);
}
BFLOAT_UNIT static void single_pairs(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_8(ADD_PAIRS_BY_UNIT, 16, 2, 1) }
}
BFLOAT_UNIT static void double_pairs(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_6(ADD_PAIRS_BY_UNIT, 16, 2, 2) }
}
static void tile_bfloat(TILE_ARGUMENTS) {
  if (!terms->pairs)
    floats_v4(sums, weights, second, row_blocks, terms, count, ahead);
  else if (row_blocks == 1)
    single_pairs(sums, 1, weights, second, terms, count, ahead);
  else
    double_pairs(sums, 2, weights, second, terms, count, ahead);
}
static void tile_v4(TILE_ARGUMENTS) {
  if (!terms->pairs) return floats_v4(sums, weights, second, row_blocks, terms, count, ahead);
  BLOCK_BY_BLOCK(pairs_plain)
}
V3 static void single_v3(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_6(ADD_FLOATS, 8, 2, 1) TILE(ADD_FLOATS, 8, 1, 1, 7) TILE(ADD_FLOATS, 8, 1, 1, 8) }
}
static void tile_v3(TILE_ARGUMENTS) { BLOCK_BY_BLOCK(terms->pairs ? pairs_plain : single_v3) }
static void single_v1(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_6(ADD_FLOATS, 4, 2, 1) TILE(ADD_FLOATS, 4, 1, 1, 7) TILE(ADD_FLOATS, 4, 1, 1, 8) }
}
static void tile_v1(TILE_ARGUMENTS) { BLOCK_BY_BLOCK(terms->pairs ? pairs_plain : single_v1) }

static const rt_tile_variant variants[] = {
    {"avx512bf16", tile_bfloat}, {"x86-64-v4", tile_v4}, {"x86-64-v3", tile_v3}, {"x86-64", tile_v1}};
static size_t best(void) {
  if (!__builtin_cpu_supports("x86-64-v4")) return __builtin_cpu_supports("x86-64-v3") ? 2 : 3;
  return __builtin_cpu_supports("avx512bf16") ? 0 : 1;
}
#else
static void single_plain(BLOCK_ARGUMENTS) {
  switch (count) { TILES_TO_6(ADD_FLOATS, 4, 4, 1) TILE(ADD_FLOATS, 4, 2, 1, 7) TILE(ADD_FLOATS, 4, 2, 1, 8) }
}
static void tile_plain(TILE_ARGUMENTS) { BLOCK_BY_BLOCK(terms->pairs ? pairs_plain : single_plain) }

static const rt_tile_variant variants[] = {{"plain", tile_plain}};
static size_t best(void) { return 0; }
#endif

const rt_tile_variant *rt_tile_variants(size_t *count) {
  *count = sizeof variants / sizeof *variants - best();
  return variants + best();
}

void rt_tile(TILE_ARGUMENTS) { variants[best()].tile(sums, weights, second, row_blocks, terms, count, ahead); }
