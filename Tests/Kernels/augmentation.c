#include "check.h"

static void check_resample(size_t size, size_t columns, size_t rows, size_t row_taps, size_t column_taps) {
  const size_t row_bytes = 3 * columns + 5, bytes = (rows - 1) * row_bytes + 3 * columns;
  uint8_t *photo = room(bytes);
  for (size_t i = 0; i < bytes; i++) photo[i] = (uint8_t)random_word();
  int32_t *first_rows = room(size * sizeof *first_rows), *first_columns = room(size * sizeof *first_columns);
  for (size_t i = 0; i < size; i++) {
    first_rows[i] = (int32_t)(i * (rows - row_taps) / (size > 1 ? size - 1 : 1));
    /* Mirrored. */
    first_columns[i] = (int32_t)((size - 1 - i) * (columns - column_taps) / (size > 1 ? size - 1 : 1));
  }
  const float *row_weights = random_floats(size * row_taps), *column_weights = random_floats(size * column_taps);
  float *out = random_floats(3 * size * size), *scratch = random_floats(rt_resample_scratch(columns, size));
  double *wanted = doubles(3 * size * size);
  for (size_t i = 0; i < 3 * size * size; i++) {
    const size_t c = i / (size * size), y = i / size % size, x = i % size;
    for (size_t j = 0; j < row_taps; j++)
      for (size_t k = 0; k < column_taps; k++)
        wanted[i] += (double)row_weights[y * row_taps + j] * column_weights[x * column_taps + k] *
                     photo[((size_t)first_rows[y] + j) * row_bytes + 3 * ((size_t)first_columns[x] + k) + c];
  }
  rt_resample(out, size, photo, row_bytes, columns, first_rows, row_weights, row_taps, first_columns, column_weights,
              column_taps, scratch);
  begin("resample %zux%zu to %zu", columns, rows, size);
  expect("planes", out, wanted, 3 * size * size, 2e-6);
}

static void check_jitter(size_t count) {
  float *planes = random_floats(3 * count);
  double *wanted = doubles(3 * count);
  for (size_t i = 0; i < 3 * count; i++) planes[i] = fabsf(planes[i]);
  for (size_t i = 0; i < 3 * count; i++) {
    const size_t at = i % count;
    const double luma = 0.299 * planes[at] + 0.587 * planes[at + count] + 0.114 * planes[at + 2 * count];
    const double saturated = luma + 1.25 * (planes[i] - luma);
    wanted[i] = fmin(fmax(0.5 + 1.5 * (saturated - 0.5) + 0.125, 0), 1);
  }
  rt_jitter(planes, 1.25f, 1.5f, 0.125f, count);
  begin("jitter, %zu", count);
  expect("planes", planes, wanted, 3 * count, 1e-6);
}

void check_augmentation(void) {
  check_resample(16, 40, 30, 3, 5);
  check_resample(37, 21, 19, 2, 2);
  check_resample(1, 3, 2, 2, 3);
  check_resample(20, 65, 50, 4, 4);
  check_jitter(1);
  check_jitter(16);
  check_jitter(67);
}
