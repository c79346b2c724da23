#ifndef ATTENTION_H
#define ATTENTION_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/* Products of small matrices in rows, for attention. */

/* A matrix of which element (i, k) is values[i row + k column]; so transposing it swaps the strides. */
typedef struct rt_matrix {
  const float *values;
  size_t row, column;
} rt_matrix;

/* out = scale a b.
     out   [rows][out_stride], `columns` of each row being written
     a     rows by depth
     b     [depth][b_stride]
     columns, out_stride and b_stride are whole 16s */
void rt_multiply_matrices(float *out, size_t out_stride, rt_matrix a, const float *b, size_t b_stride, size_t rows,
                          size_t columns, size_t depth, float scale);

/* Softmax of each row's first `columns`; the rest of the row becomes 0.
     rows   [count][stride] */
void rt_softmax_rows(float *rows, size_t stride, size_t columns, size_t count);
/* gradient = value (gradient - sum of gradient value) by rows, in place.
     gradient, value   [count][stride] */
void rt_softmax_rows_gradient(float *gradient, const float *value, size_t stride, size_t count);

#pragma clang assume_nonnull end

#endif
