#ifndef CONVERSION_H
#define CONVERSION_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/* Conversions of `count` numbers. The 16-bit and 64-bit sides may be unaligned. */

void rt_from_half(float *out, const void *in, size_t count);
/* Rounds to the nearest half, ties to even; finite numbers alone, of which those out of range become the greatest
   half. */
void rt_to_half(void *out, const float *in, size_t count);
void rt_from_bfloat(float *out, const void *in, size_t count);
void rt_from_double(float *out, const void *in, size_t count);

bool rt_all_finite(const float *x, size_t count);

#pragma clang assume_nonnull end

#endif
