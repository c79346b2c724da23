#include "vnni.h"

#include "kernels.h"

#define UNROLL _Pragma("clang loop unroll(full)")

/* A micro-tile of ROW_BLOCKS row blocks by COUNT positions. Its sums stay in registers through all of K, once for each
   WIDTH * VECTORS rows of a row block, a vector being a register of WIDTH floats. ADD is one of those of vnni.h. */
#define MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, COUNT)                                                           \
  case COUNT: {                                                                                                      \
    typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4)));                                        \
    for (size_t slice = 0; slice < RT_MR; slice += WIDTH * VECTORS) {                                                \
      vector sums[COUNT][ROW_BLOCKS][VECTORS] = {0};                                                                 \
      if (input->accumulate)                                                                                         \
        UNROLL for (size_t p = 0; p < COUNT; p++)                                                                    \
          UNROLL for (size_t b = 0; b < ROW_BLOCKS; b++)                                                             \
            UNROLL for (size_t v = 0; v < VECTORS; v++)                                                              \
              sums[p][b][v] = *(const vector *)(out + (p * position_blocks + b) * RT_MR + slice + v * WIDTH);        \
      const float *w = weights + slice, *const *pointers = input->pointers;                                          \
      size_t line = prefetch.line;                                                                                   \
      for (size_t tap = 0; tap < input->taps; tap++, pointers += COUNT) {                                            \
        const float *c[COUNT];                                                                                       \
        UNROLL for (size_t p = 0; p < COUNT; p++) c[p] = pointers[p];                                                \
        for (size_t block = 0; block < input->blocks; block++) {                                                     \
          const float *next = NULL;                                                                                  \
          if (prefetch.weights && slice == 0) {                                                                      \
            next = prefetch.weights + line / SQUARE_LINES * prefetch.square_stride + line % SQUARE_LINES * LINE;     \
            line += prefetch.lines;                                                                                  \
          }                                                                                                          \
          _Pragma("clang loop unroll(disable)") for (size_t k = 0; k < RT_BLOCK; k++, w += RT_MR) {                  \
            if (next) {                                                                                              \
              UNROLL for (size_t b = 0; b < ROW_BLOCKS; b++)                                                         \
                prefetch_lines(next + b * prefetch.row_block_stride, k, prefetch.lines);                             \
            }                                                                                                        \
            vector x[ROW_BLOCKS][VECTORS];                                                                           \
            UNROLL for (size_t b = 0; b < ROW_BLOCKS; b++)                                                           \
              UNROLL for (size_t v = 0; v < VECTORS; v++)                                                            \
                x[b][v] = *(const vector *)(w + b * row_block_stride + v * WIDTH);                                   \
            UNROLL for (size_t p = 0; p < COUNT; p++)                                                                \
              UNROLL for (size_t b = 0; b < ROW_BLOCKS; b++)                                                         \
                UNROLL for (size_t v = 0; v < VECTORS; v++) ADD(WIDTH, sums[p][b][v], x[b][v], c[p][k]);             \
          }                                                                                                          \
          UNROLL for (size_t p = 0; p < COUNT; p++) c[p] += input->block_stride;                                     \
        }                                                                                                            \
      }                                                                                                              \
      UNROLL for (size_t p = 0; p < COUNT; p++)                                                                      \
        UNROLL for (size_t b = 0; b < ROW_BLOCKS; b++)                                                               \
          UNROLL for (size_t v = 0; v < VECTORS; v++)                                                                \
            *(vector *)(out + (p * position_blocks + b) * RT_MR + slice + v * WIDTH) = sums[p][b][v];                \
    }                                                                                                                \
    break;                                                                                                           \
  }

#define MICRO_TILES_TO_6(ADD, WIDTH, VECTORS, ROW_BLOCKS) \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 1)          \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 2)          \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 3)          \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 4)          \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 5)          \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 6)
#define MICRO_TILES_TO_8(ADD, WIDTH, VECTORS, ROW_BLOCKS) \
  MICRO_TILES_TO_6(ADD, WIDTH, VECTORS, ROW_BLOCKS)       \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 7)          \
  MICRO_TILE(ADD, WIDTH, VECTORS, ROW_BLOCKS, 8)

/* Floats of a cache line, and cache lines of a square of weights. */
enum { LINE = 16, SQUARE_LINES = RT_SQUARE / LINE };

/* Prefetches the share of step k, of `lines` that are due in the 16 steps of a block of K. */
static inline __attribute__((always_inline)) void prefetch_lines(const float *weights, size_t k, size_t lines) {
  if (k < lines) __builtin_prefetch(weights + k * LINE, 0, 2);
  if (k + RT_BLOCK < lines) __builtin_prefetch(weights + (k + RT_BLOCK) * LINE, 0, 2);
}

#define MICRO_KERNEL_ARGUMENTS                                                         \
  float *sums, const float *weights, size_t row_block_stride, int32_t row_blocks,      \
      const rt_indirection *input, size_t count, rt_prefetch prefetch
/* Sums are [position][position_blocks * RT_MR], of which the first row blocks are written. */
#define ROW_BLOCK_ARGUMENTS                                                                             \
  float *restrict out, size_t position_blocks, const float *restrict weights, size_t row_block_stride,  \
      const rt_indirection *input, size_t count, rt_prefetch prefetch

/* CPUs with half as many registers do the row blocks one after the other. */
#define BLOCK_BY_BLOCK(BLOCK)                                                                                     \
  for (int32_t b = 0; b < row_blocks; b++) {                                                                      \
    rt_prefetch own = prefetch;                                                                                   \
    if (own.weights) own.weights += (size_t)b * own.row_block_stride;                                             \
    (BLOCK)(sums + b * RT_MR, (size_t)row_blocks, weights + (size_t)b * row_block_stride, row_block_stride, input, \
            count, own);                                                                                          \
  }

/* RT_BF16 on CPUs without units for it. */
static void bf16_plain(ROW_BLOCK_ARGUMENTS) {
  switch (count) { MICRO_TILES_TO_8(ADD_BF16, 4, 2, 1) }
}

#if defined(__x86_64__)
/* Each CPU has registers of another width, so these are written apart instead of cloned. */
#define V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define V3 __attribute__((target("arch=x86-64-v3")))
V4 static void single_v4(ROW_BLOCK_ARGUMENTS) {
  switch (count) { MICRO_TILES_TO_8(ADD_F32, 16, 2, 1) }
}
V4 static void double_v4(ROW_BLOCK_ARGUMENTS) {
  switch (count) { MICRO_TILES_TO_6(ADD_F32, 16, 2, 2) }
}
V4 static void f32_v4(MICRO_KERNEL_ARGUMENTS) {
  if (row_blocks == 1)
    single_v4(sums, 1, weights, row_block_stride, input, count, prefetch);
  else
    double_v4(sums, 2, weights, row_block_stride, input, count, prefetch);
}
AVX512_BF16 static void single_bf16(ROW_BLOCK_ARGUMENTS) {
  switch (count) { MICRO_TILES_TO_8(ADD_BF16_AVX512, 16, 2, 1) }
}
AVX512_BF16 static void double_bf16(ROW_BLOCK_ARGUMENTS) {
  switch (count) { MICRO_TILES_TO_6(ADD_BF16_AVX512, 16, 2, 2) }
}
static void kernel_avx512bf16(MICRO_KERNEL_ARGUMENTS) {
  if (input->format == RT_F32)
    f32_v4(sums, weights, row_block_stride, row_blocks, input, count, prefetch);
  else if (row_blocks == 1)
    single_bf16(sums, 1, weights, row_block_stride, input, count, prefetch);
  else
    double_bf16(sums, 2, weights, row_block_stride, input, count, prefetch);
}
static void kernel_v4(MICRO_KERNEL_ARGUMENTS) {
  if (input->format == RT_F32)
    return f32_v4(sums, weights, row_block_stride, row_blocks, input, count, prefetch);
  BLOCK_BY_BLOCK(bf16_plain)
}
V3 static void single_v3(ROW_BLOCK_ARGUMENTS) {
  switch (count) {
    MICRO_TILES_TO_6(ADD_F32, 8, 2, 1)
    MICRO_TILE(ADD_F32, 8, 1, 1, 7)
    MICRO_TILE(ADD_F32, 8, 1, 1, 8)
  }
}
static void kernel_v3(MICRO_KERNEL_ARGUMENTS) { BLOCK_BY_BLOCK(input->format == RT_F32 ? single_v3 : bf16_plain) }
static void single_v1(ROW_BLOCK_ARGUMENTS) {
  switch (count) {
    MICRO_TILES_TO_6(ADD_F32, 4, 2, 1)
    MICRO_TILE(ADD_F32, 4, 1, 1, 7)
    MICRO_TILE(ADD_F32, 4, 1, 1, 8)
  }
}
static void kernel_v1(MICRO_KERNEL_ARGUMENTS) { BLOCK_BY_BLOCK(input->format == RT_F32 ? single_v1 : bf16_plain) }

static const rt_micro_kernel_variant variants[] = {
    {"avx512bf16", kernel_avx512bf16}, {"x86-64-v4", kernel_v4}, {"x86-64-v3", kernel_v3}, {"x86-64", kernel_v1}};
static size_t best(void) {
  if (!__builtin_cpu_supports("x86-64-v4")) return __builtin_cpu_supports("x86-64-v3") ? 2 : 3;
  return __builtin_cpu_supports("avx512bf16") ? 0 : 1;
}
#else
static void single_plain(ROW_BLOCK_ARGUMENTS) {
  switch (count) {
    MICRO_TILES_TO_6(ADD_F32, 4, 4, 1)
    MICRO_TILE(ADD_F32, 4, 2, 1, 7)
    MICRO_TILE(ADD_F32, 4, 2, 1, 8)
  }
}
static void kernel_plain(MICRO_KERNEL_ARGUMENTS) {
  BLOCK_BY_BLOCK(input->format == RT_F32 ? single_plain : bf16_plain)
}

static const rt_micro_kernel_variant variants[] = {{"plain", kernel_plain}};
static size_t best(void) { return 0; }
#endif

const rt_micro_kernel_variant *rt_micro_kernel_variants(size_t *count) {
  *count = sizeof variants / sizeof *variants - best();
  return variants + best();
}

void rt_micro_kernel(MICRO_KERNEL_ARGUMENTS) {
  variants[best()].kernel(sums, weights, row_block_stride, row_blocks, input, count, prefetch);
}
