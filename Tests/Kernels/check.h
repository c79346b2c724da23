#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

/* What the checks share: memory, numbers, and the comparison with oracles, which are plain loops in double
   precision. */

/* Memory of exactly this size, so that the address sanitizer sees what is touched beyond it. It lives until the next
   release. */
void *room(size_t bytes);
void release(void);

uint32_t random_word(void);
float random_float(void); /* uniform in -1..<1 */
float *random_floats(size_t count);
float *copy_of(const float *x, size_t count);
/* Zeros. */
double *doubles(size_t count);

static inline size_t whole(size_t count, size_t of) { return (count + of - 1) / of * of; }

/* Rounds to bfloat16: to the nearest, ties away from 0. */
float to_bfloat(float x);
static inline float unchanged(float x) { return x; }

/* Begins a case, whose name comes before what is said of it. */
void begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says in one line where a number is off by more than `tolerance` times the largest one that is wanted. */
void expect(const char *what, const float *made, const double *wanted, size_t count, double tolerance);
/* Whether they agree to `tolerance` times the wanted number. */
void expect_number(const char *what, double made, double wanted, double tolerance);
void expect_that(const char *what, bool is_right);

/* The checks, each of one header or algorithm. */
void check_micro_kernels(void);
void check_panel_kernels(void);
void check_convolutions(void);
void check_weight_gradients(void);
void check_col2im(void);
void check_layout(void);
void check_pooling(void);
void check_batch_norm(void);
void check_arrays(void);
void check_reductions(void);
void check_conversions(void);
void check_ascent(void);
void check_noise(void);
void check_augmentation(void);

#endif
