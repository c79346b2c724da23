#include "vnni.h"

#include "clones.h"
#include "kernels.h"

#define UNROLL _Pragma("clang loop unroll(full)")

/* A micro-tile of ROWS rows by BLOCKS blocks of 16 columns, each in REGISTERS registers of WIDTH floats, whose sums
   stay there through all of K. ADD is one of those of vnni.h. */
#define MICRO_TILE(ADD, WIDTH, REGISTERS, BLOCKS, ROWS)                                                     \
  case ROWS: {                                                                                              \
    typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4)));                               \
    vector made[ROWS][BLOCKS][REGISTERS] = {0};                                                             \
    const float *l = p->left + row, *r = p->right + column / RT_BLOCK * p->right_block_stride;              \
    _Pragma("clang loop unroll(disable)") for (size_t k = 0; k < p->depth; k++) {                           \
      vector x[BLOCKS][REGISTERS];                                                                          \
      UNROLL for (size_t b = 0; b < BLOCKS; b++)                                                            \
        UNROLL for (size_t i = 0; i < REGISTERS; i++)                                                       \
          x[b][i] = *(const vector *)(r + b * p->right_block_stride + i * WIDTH);                           \
      UNROLL for (size_t m = 0; m < ROWS; m++)                                                              \
        UNROLL for (size_t b = 0; b < BLOCKS; b++)                                                          \
          UNROLL for (size_t i = 0; i < REGISTERS; i++) ADD(WIDTH, made[m][b][i], x[b][i], l[m]);           \
      l += p->left_stride;                                                                                  \
      r += p->right_stride;                                                                                 \
    }                                                                                                       \
    UNROLL for (size_t m = 0; m < ROWS; m++)                                                                \
      UNROLL for (size_t b = 0; b < BLOCKS; b++)                                                            \
        UNROLL for (size_t i = 0; i < REGISTERS; i++) {                                                     \
          vector *to = (vector *)(sums + (row + m) * stride + column + b * RT_BLOCK + i * WIDTH);           \
          *to = anew ? made[m][b][i] : *to + made[m][b][i];                                                 \
        }                                                                                                   \
    break;                                                                                                  \
  }

#define ROWS_TO_2(A, W, R, B) MICRO_TILE(A, W, R, B, 1) MICRO_TILE(A, W, R, B, 2)
#define ROWS_TO_6(A, W, R, B)                                                             \
  ROWS_TO_2(A, W, R, B)                                                                   \
  MICRO_TILE(A, W, R, B, 3) MICRO_TILE(A, W, R, B, 4) MICRO_TILE(A, W, R, B, 5) MICRO_TILE(A, W, R, B, 6)
#define ROWS_TO_8(A, W, R, B) ROWS_TO_6(A, W, R, B) MICRO_TILE(A, W, R, B, 7) MICRO_TILE(A, W, R, B, 8)

#define ARGUMENTS \
  float *restrict sums, size_t stride, const rt_outer_operands *p, size_t rows, size_t blocks, bool anew

/* Runs through all rows and columns, in micro-tiles as even as can be of up to MOST rows and BLOCKS blocks of
   columns. */
#define EACH_MICRO_TILE(MOST, BLOCKS, FIRST, END, CASES)                                                  \
  for (size_t column = (FIRST) * RT_BLOCK; column + ((BLOCKS) - 1) * RT_BLOCK < (END) * RT_BLOCK;         \
       column += (BLOCKS) * RT_BLOCK) {                                                                   \
    const size_t micro_tiles = (rows + (MOST) - 1) / (MOST);                                              \
    for (size_t t = 0; t < micro_tiles; t++) {                                                            \
      const size_t row = rows * t / micro_tiles;                                                          \
      switch (rows * (t + 1) / micro_tiles - row) { CASES }                                               \
    }                                                                                                     \
  }

static void bf16_plain(ARGUMENTS) { EACH_MICRO_TILE(2, 1, 0, blocks, ROWS_TO_2(ADD_BF16, 4, 4, 1)) }

#if defined(__x86_64__)
/* Four blocks of columns at a time, then two, then one. */
#define OUTER_512(ADD)                                                           \
  const size_t quads = blocks / 4 * 4, pairs = quads + (blocks - quads) / 2 * 2; \
  EACH_MICRO_TILE(6, 4, 0, quads, ROWS_TO_6(ADD, 16, 1, 4))                      \
  EACH_MICRO_TILE(8, 2, quads, pairs, ROWS_TO_8(ADD, 16, 1, 2))                  \
  EACH_MICRO_TILE(8, 1, pairs, blocks, ROWS_TO_8(ADD, 16, 1, 1))

__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void f32_v4(ARGUMENTS) { OUTER_512(ADD_F32) }
AVX512_BF16 static void bf16_avx512(ARGUMENTS) { OUTER_512(ADD_BF16_AVX512) }
__attribute__((target("arch=x86-64-v3"))) static void f32_v3(ARGUMENTS) {
  EACH_MICRO_TILE(6, 1, 0, blocks, ROWS_TO_6(ADD_F32, 8, 2, 1))
}
static void f32_v1(ARGUMENTS) { EACH_MICRO_TILE(2, 1, 0, blocks, ROWS_TO_2(ADD_F32, 4, 4, 1)) }

void rt_outer_product(ARGUMENTS) {
  const bool is_v4 = __builtin_cpu_supports("x86-64-v4");
  if (p->format != RT_F32 && is_v4 && __builtin_cpu_supports("avx512bf16"))
    bf16_avx512(sums, stride, p, rows, blocks, anew);
  else if (p->format != RT_F32)
    bf16_plain(sums, stride, p, rows, blocks, anew);
  else if (is_v4)
    f32_v4(sums, stride, p, rows, blocks, anew);
  else if (__builtin_cpu_supports("x86-64-v3"))
    f32_v3(sums, stride, p, rows, blocks, anew);
  else
    f32_v1(sums, stride, p, rows, blocks, anew);
}
#else
static void f32_plain(ARGUMENTS) { EACH_MICRO_TILE(6, 1, 0, blocks, ROWS_TO_6(ADD_F32, 4, 4, 1)) }

void rt_outer_product(ARGUMENTS) {
  (p->format == RT_F32 ? f32_plain : bf16_plain)(sums, stride, p, rows, blocks, anew);
}
#endif

CLONES WIDE void rt_pack_positions_bf16(float *restrict packed, const float *restrict in, size_t count) {
  const vec16 zero = {0};
  for (size_t i = 0; i < count; i += 2, packed += VEC16, in += 2 * VEC16)
    write_bf16_pairs(packed, (const vec16 *)in, i + 1 < count ? (const vec16 *)(in + VEC16) : &zero);
}
