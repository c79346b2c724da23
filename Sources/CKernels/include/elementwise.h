#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Arrays are [count]; y is updated, out written. */

void rt_fill(float *out, float value, size_t count);
void rt_copy(float *out, const float *in, size_t count);
void rt_add(float *y, const float *x, size_t count);                     /* y += x */
void rt_add_scaled(float *y, const float *x, float scale, size_t count); /* y += scale x */
void rt_multiply(float *y, const float *x, size_t count);                /* y *= x */
void rt_scale(float *x, float scale, size_t count);                      /* x *= scale */
void rt_add_strided(float *y, size_t stride, const float *x, size_t count); /* y[i stride] += x[i] */

/* out = weights (x - mean) */
void rt_weight_about(float *out, const float *x, const float *weights, float mean, size_t count);
/* y += weights (slope x + offset) */
void rt_add_weighted(float *y, const float *weights, const float *x, float slope, float offset, size_t count);
/* y -= x / max(weights, least) */
void rt_subtract_ratio(float *y, const float *x, const float *weights, float least, size_t count);
/* out[i] = sum over k < factor_count of factors[k] base[offsets[k] + i] */
void rt_weighted_sum(float *out, const float *base, const int64_t *offsets, const float *factors, size_t factor_count,
                     size_t count);

#pragma clang assume_nonnull end

#endif
