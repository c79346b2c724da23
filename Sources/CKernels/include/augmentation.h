#ifndef AUGMENTATION_H
#define AUGMENTATION_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Floats of scratch that rt_resample needs. */
size_t rt_resample_scratch(size_t columns, size_t size);

/*
 * Resamples a crop of a photo with separable filters.
 *   out             [3][size][size]
 *   photo           interleaved RGB, rows `row_bytes` apart, of which `columns` columns are read
 *   first_rows      [size]; row y of the result is mixed from rows first_rows[y] ..< first_rows[y] + row_taps
 *   row_weights     [size][row_taps]
 *   first_columns   [size], and column_weights [size][column_taps], likewise
 */
void rt_resample(float *out, size_t size, const uint8_t *photo, size_t row_bytes, size_t columns,
                 const int32_t *first_rows, const float *row_weights, size_t row_taps, const int32_t *first_columns,
                 const float *column_weights, size_t column_taps, float *scratch);

/*
 * Colour jitter of planes [3][count] in 0...1: the distance to the luma (ITU-R BT.601) times `saturation`, then the
 * distance to 0.5 times `contrast`, then `brightness` added, then clamped to 0...1.
 */
void rt_jitter(float *planes, float saturation, float contrast, float brightness, size_t count);

#pragma clang assume_nonnull end

#endif
