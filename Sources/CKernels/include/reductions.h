#ifndef REDUCTIONS_H
#define REDUCTIONS_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/* Reductions of [count], in an order that is the same on every CPU. */

double rt_sum_squares(const float *x, size_t count);                         /* sum x^2 */
double rt_dot(const float *x, const float *y, size_t count);                 /* sum x y */
double rt_squared_distance(const float *x, const float *y, size_t count);    /* sum (x - y)^2 */
float rt_max_abs(const float *x, size_t count);                              /* max |x| */
float rt_max_abs_difference(const float *x, const float *y, size_t count);   /* max |x - y| */
/* sum weights (x - mean)^2 */
double rt_weighted_squares(const float *x, const float *weights, double mean, size_t count);

#pragma clang assume_nonnull end

#endif
