#include "clones.h"
#include "exp16.h"
#include "kernels.h"
#include "vec16.h"

/* Rows and vectors of columns of a micro-tile, which fill the registers of AVX-512. */
enum { TILE_ROWS = 6, TILE_VECTORS = 4 };

INLINE void micro_tile(float *out, size_t out_stride, const rt_matrix *a, const float *b, size_t b_stride,
                       size_t rows, size_t vectors, size_t depth, float scale) {
  vec16 sums[TILE_ROWS][TILE_VECTORS] = {0};
  for (size_t k = 0; k < depth; k++) {
    const float *right = b + k * b_stride, *left = a->values + k * a->column;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sums[i][j] += left[i * a->row] * *(const vec16 *)(right + j * VEC16);
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) *(vec16 *)(out + i * out_stride + j * VEC16) = sums[i][j] * scale;
}

CLONES WIDE void rt_multiply_matrices(float *out, size_t out_stride, rt_matrix a, const float *b, size_t b_stride,
                                      size_t rows, size_t columns, size_t depth, float scale) {
  for (size_t j = 0; j < columns; j += TILE_VECTORS * VEC16) {
    const size_t left = (columns - j) / VEC16, vectors = left < TILE_VECTORS ? left : TILE_VECTORS;
    for (size_t i = 0; i < rows;) {
      rt_matrix strip = a;
      strip.values += i * a.row;
      float *to = out + i * out_stride + j;
      if (rows - i >= TILE_ROWS && vectors == TILE_VECTORS) {
        micro_tile(to, out_stride, &strip, b + j, b_stride, TILE_ROWS, TILE_VECTORS, depth, scale);
        i += TILE_ROWS;
      } else if (vectors == TILE_VECTORS) {
        micro_tile(to, out_stride, &strip, b + j, b_stride, 1, TILE_VECTORS, depth, scale);
        i++;
      } else {
        for (size_t v = 0; v < vectors; v++)
          micro_tile(to + v * VEC16, out_stride, &strip, b + j + v * VEC16, b_stride, 1, 1, depth, scale);
        i++;
      }
    }
  }
}

INLINE float total(vec16 x) {
  float sum = 0;
  for (size_t c = 0; c < VEC16; c++) sum += x[c];
  return sum;
}

CLONES WIDE void rt_softmax_rows(float *rows, size_t stride, size_t columns, size_t count) {
  for (size_t i = 0; i < count; i++, rows += stride) {
    for (size_t c = columns; c < stride; c++) rows[c] = -__builtin_inff();
    vec16 best = *(const vec16 *)rows, sum = {0};
    for (size_t c = VEC16; c < stride; c += VEC16) {
      const vec16 x = *(const vec16 *)(rows + c);
      best = select16(x > best, x, best);
    }
    float most = best[0];
    for (size_t c = 1; c < VEC16; c++) most = best[c] > most ? best[c] : most;
    for (size_t c = 0; c < stride; c += VEC16) {
      const vec16 e = exp16(*(const vec16 *)(rows + c) - most);
      *(vec16 *)(rows + c) = e;
    }
    for (size_t c = columns; c < stride; c++) rows[c] = 0;
    for (size_t c = 0; c < stride; c += VEC16) sum += *(const vec16 *)(rows + c);
    const float scale = 1 / total(sum);
    for (size_t c = 0; c < stride; c += VEC16) *(vec16 *)(rows + c) *= scale;
  }
}

CLONES WIDE void rt_softmax_rows_gradient(float *gradient, const float *value, size_t stride, size_t count) {
  for (size_t i = 0; i < count; i++, gradient += stride, value += stride) {
    vec16 sum = {0};
    for (size_t c = 0; c < stride; c += VEC16) sum += *(const vec16 *)(gradient + c) * *(const vec16 *)(value + c);
    const float along = total(sum);
    for (size_t c = 0; c < stride; c += VEC16)
      *(vec16 *)(gradient + c) = *(const vec16 *)(value + c) * (*(const vec16 *)(gradient + c) - along);
  }
}
