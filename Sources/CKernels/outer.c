#include "pairs.h"

#include "clones.h"
#include "kernels.h"

#define UNROLL _Pragma("clang loop unroll(full)")

/* The sums of ROWS rows and VECTORS blocks of columns, each of PARTS registers, stay in registers while the terms are
   run through. ADD is one of those of pairs.h. */
#define OUTER(ADD, WIDTH, PARTS, VECTORS, ROWS)                                                              \
  case ROWS: {                                                                                              \
    typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4)));                               \
    vector made[ROWS][VECTORS][PARTS] = {0};                                                                \
    const float *l = p->left + row, *r = p->right + column / RT_LANES * p->right_block;                     \
    _Pragma("clang loop unroll(disable)") for (size_t k = 0; k < p->terms; k++) {                           \
      vector x[VECTORS][PARTS];                                                                             \
      UNROLL for (size_t v = 0; v < VECTORS; v++)                                                           \
        UNROLL for (size_t i = 0; i < PARTS; i++)                                                           \
          x[v][i] = *(const vector *)(r + v * p->right_block + i * WIDTH);                                  \
      UNROLL for (size_t m = 0; m < ROWS; m++)                                                              \
        UNROLL for (size_t v = 0; v < VECTORS; v++)                                                         \
          UNROLL for (size_t i = 0; i < PARTS; i++) ADD(WIDTH, made[m][v][i], x[v][i], l[m]);               \
      l += p->left_step;                                                                                    \
      r += p->right_step;                                                                                   \
    }                                                                                                       \
    UNROLL for (size_t m = 0; m < ROWS; m++)                                                                \
      UNROLL for (size_t v = 0; v < VECTORS; v++)                                                           \
        UNROLL for (size_t i = 0; i < PARTS; i++) {                                                         \
          vector *to = (vector *)(sums + (row + m) * step + column + v * RT_LANES + i * WIDTH);             \
          *to = anew ? made[m][v][i] : *to + made[m][v][i];                                                 \
        }                                                                                                   \
    break;                                                                                                  \
  }

#define ROWS_TO_2(A, W, P, V) OUTER(A, W, P, V, 1) OUTER(A, W, P, V, 2)
#define ROWS_TO_6(A, W, P, V) \
  ROWS_TO_2(A, W, P, V) OUTER(A, W, P, V, 3) OUTER(A, W, P, V, 4) OUTER(A, W, P, V, 5) OUTER(A, W, P, V, 6)
#define ROWS_TO_8(A, W, P, V) ROWS_TO_6(A, W, P, V) OUTER(A, W, P, V, 7) OUTER(A, W, P, V, 8)

#define ARGUMENTS float *restrict sums, size_t step, const rt_outer *p, size_t rows, size_t vectors, bool anew

/* Runs through all rows and columns, in tiles as even as can be of up to MOST rows and VECTORS blocks of columns. */
#define EACH_TILE(MOST, VECTORS, FIRST, END, CASES)                                                       \
  for (size_t column = (FIRST) * RT_LANES; column + ((VECTORS) - 1) * RT_LANES < (END) * RT_LANES;        \
       column += (VECTORS) * RT_LANES) {                                                                  \
    const size_t parts = (rows + (MOST) - 1) / (MOST);                                                    \
    for (size_t part = 0; part < parts; part++) {                                                         \
      const size_t row = rows * part / parts;                                                             \
      switch (rows * (part + 1) / parts - row) { CASES }                                                  \
    }                                                                                                     \
  }

static void pairs_plain(ARGUMENTS) { EACH_TILE(2, 1, 0, vectors, ROWS_TO_2(ADD_PAIRS, 4, 4, 1)) }

#if defined(__x86_64__)
/* Four blocks of columns at a time, then two, then one. */
#define OUTER_512(ADD)                                                            \
  const size_t quads = vectors / 4 * 4, pairs = quads + (vectors - quads) / 2 * 2; \
  EACH_TILE(6, 4, 0, quads, ROWS_TO_6(ADD, 16, 1, 4))                             \
  EACH_TILE(8, 2, quads, pairs, ROWS_TO_8(ADD, 16, 1, 2))                         \
  EACH_TILE(8, 1, pairs, vectors, ROWS_TO_8(ADD, 16, 1, 1))

__attribute__((target("arch=x86-64-v4"), min_vector_width(512))) static void outer_v4(ARGUMENTS) {
  OUTER_512(ADD_FLOATS)
}
BFLOAT_UNIT static void pairs_by_unit(ARGUMENTS) { OUTER_512(ADD_PAIRS_BY_UNIT) }
__attribute__((target("arch=x86-64-v3"))) static void outer_v3(ARGUMENTS) {
  EACH_TILE(6, 1, 0, vectors, ROWS_TO_6(ADD_FLOATS, 8, 2, 1))
}
static void outer_v1(ARGUMENTS) { EACH_TILE(2, 1, 0, vectors, ROWS_TO_2(ADD_FLOATS, 4, 4, 1)) }

void rt_outer_product(ARGUMENTS) {
  const bool is_v4 = __builtin_cpu_supports("x86-64-v4");
  if (p->pairs && is_v4 && __builtin_cpu_supports("avx512bf16"))
    pairs_by_unit(sums, step, p, rows, vectors, anew);
  else if (p->pairs)
    pairs_plain(sums, step, p, rows, vectors, anew);
  else if (is_v4)
    outer_v4(sums, step, p, rows, vectors, anew);
  else if (__builtin_cpu_supports("x86-64-v3"))
    outer_v3(sums, step, p, rows, vectors, anew);
  else
    outer_v1(sums, step, p, rows, vectors, anew);
}
#else
static void outer_plain(ARGUMENTS) { EACH_TILE(6, 1, 0, vectors, ROWS_TO_6(ADD_FLOATS, 4, 4, 1)) }

void rt_outer_product(ARGUMENTS) { (p->pairs ? pairs_plain : outer_plain)(sums, step, p, rows, vectors, anew); }
#endif

CLONES WIDE void rt_pair_positions(float *restrict pairs, const float *restrict in, size_t count) {
  const lanes zero = {0};
  for (size_t i = 0; i < count; i += 2, pairs += LANES, in += 2 * LANES)
    write_pairs(pairs, (const lanes *)in, i + 1 < count ? (const lanes *)(in + LANES) : &zero);
}
