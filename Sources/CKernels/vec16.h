#ifndef VEC16_H
#define VEC16_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
/* Functions that take or return vectors are made part of their callers, so that no register is agreed upon. */
#pragma clang diagnostic ignored "-Wpsabi"
#endif

/* Sixteen floats, integers or words, which the compiler parts into registers of the CPU; mostly the channels of a
   block at one position. */
typedef float vec16 __attribute__((vector_size(64), aligned(4)));
typedef int32_t ivec16 __attribute__((vector_size(64), aligned(4)));
typedef uint32_t uvec16 __attribute__((vector_size(64), aligned(4)));
enum { VEC16 = 16 };

/* One of the four steps that swap blocks of `SIDE` rows and columns across the diagonal. */
#define TRANSPOSE_STEP(SIDE, EVEN, ODD)                                   \
  for (int i = 0; i < VEC16; i++)                                         \
    if (!(i & SIDE)) {                                                    \
      const vec16 a = lines[i], b = lines[i + SIDE];                      \
      lines[i] = __builtin_shufflevector(a, b, EVEN);                     \
      lines[i + SIDE] = __builtin_shufflevector(a, b, ODD);               \
    }
#define FIRST_OF_8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define SECOND_OF_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define FIRST_OF_4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define SECOND_OF_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define FIRST_OF_2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define SECOND_OF_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define FIRST_OF_1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define SECOND_OF_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/* lines[column][row] = lines[row][column]. */
static inline __attribute__((always_inline)) void transpose_lines(vec16 lines[VEC16]) {
#pragma clang loop unroll(full)
  TRANSPOSE_STEP(8, FIRST_OF_8, SECOND_OF_8)
#pragma clang loop unroll(full)
  TRANSPOSE_STEP(4, FIRST_OF_4, SECOND_OF_4)
#pragma clang loop unroll(full)
  TRANSPOSE_STEP(2, FIRST_OF_2, SECOND_OF_2)
#pragma clang loop unroll(full)
  TRANSPOSE_STEP(1, FIRST_OF_1, SECOND_OF_1)
}

/* out[column][row] = in[row][column], 16 by 16, with rows `out_stride` and `in_stride` floats apart. */
static inline __attribute__((always_inline)) void transpose16(float *restrict out, size_t out_stride,
                                                              const float *restrict in, size_t in_stride) {
  vec16 lines[VEC16];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < VEC16; i++) lines[i] = *(const vec16 *)(in + i * in_stride);
  transpose_lines(lines);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < VEC16; i++) *(vec16 *)(out + i * out_stride) = lines[i];
}

#endif
