#ifndef MATRIX_H
#define MATRIX_H

#include "kernels.h"

/* Columns of parts of floats: square k begins at pairs + offsets[k], its pairs of channels are row_step words apart. */
typedef struct rt_matrix_columns {
  const uint32_t *pairs;
  const size_t *offsets;
  size_t row_step, part_step;
} rt_matrix_columns;

/* Around the panels that one thread multiplies. */
void rt_matrix_begin(void);
void rt_matrix_end(void);

/* sums[row][column] of RT_MANY_ROWS rows and RT_PANEL columns, begun anew or continued, of so many squares of rows, each
   of which lies as [part][row][pair]. What lies at ahead[k] is brought near with square k, if it is there: half as many
   bytes as a square of floats for each part. */
void rt_matrix_panel(float *sums, size_t stride, const uint32_t *const *rows, const rt_matrix_columns *columns,
                     size_t squares, int32_t parts, bool anew, const void *const *ahead);

#endif
