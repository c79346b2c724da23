/* Checks the kernels against plain oracles: says in one line what is off, and fails then. */
#include "check.h"

#include <stdarg.h>

enum { MOST = 1024 };
static void *rooms[MOST];
static size_t room_count;

void *room(size_t bytes) {
  if (room_count == MOST) abort();
  void *made = malloc(bytes);
  if (!made && bytes > 0) abort();
  return rooms[room_count++] = made;
}

void release(void) {
  while (room_count > 0) free(rooms[--room_count]);
}

/* Marsaglia's xorshift. */
uint32_t random_word(void) {
  static uint64_t state = 88172645463325252;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

float random_float(void) { return (float)(random_word() >> 8) * 0x1p-23f - 1; }

float *random_floats(size_t count) {
  float *made = room(count * sizeof *made);
  for (size_t i = 0; i < count; i++) made[i] = random_float();
  return made;
}

float *copy_of(const float *x, size_t count) {
  float *made = room(count * sizeof *made);
  for (size_t i = 0; i < count; i++) made[i] = x[i];
  return made;
}

double *doubles(size_t count) {
  double *made = room(count * sizeof *made);
  for (size_t i = 0; i < count; i++) made[i] = 0;
  return made;
}

float to_bfloat(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x8000) & 0xffff0000;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static char name[256];
static size_t comparisons, problems;

void begin(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
}

void expect(const char *what, const float *made, const double *wanted, size_t count, double tolerance) {
  double largest = 0, most = -1;
  size_t where = 0;
  comparisons++;
  for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(wanted[i]));
  for (size_t i = 0; i < count; i++) {
    /* Whatever is not a number is off most. */
    const double off = isfinite(made[i]) ? fabs((double)made[i] - wanted[i]) : INFINITY;
    if (off > most) most = off, where = i;
  }
  if (most <= tolerance * largest) return;
  problems++;
  printf("%s: %s: %g instead of %g, number %zu of %zu; the largest is %g\n", name, what, (double)made[where],
         wanted[where], where, count, largest);
}

void expect_number(const char *what, double made, double wanted, double tolerance) {
  comparisons++;
  if (fabs(made - wanted) <= tolerance * fabs(wanted)) return;
  problems++;
  printf("%s: %s: %.9g instead of %.9g\n", name, what, made, wanted);
}

void expect_that(const char *what, bool is_right) {
  comparisons++;
  if (is_right) return;
  problems++;
  printf("%s: not so: %s\n", name, what);
}

int main(void) {
  void (*const checks[])(void) = {
      check_micro_kernels, check_panel_kernels, check_convolutions, check_weight_gradients, check_col2im,
      check_layout,        check_pooling,       check_batch_norm,   check_arrays,           check_reductions,
      check_conversions,   check_ascent,        check_noise,        check_augmentation,
  };
  for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
    checks[i]();
    release();
  }
  if (problems > 0) return 1;
  printf("the kernels agree with the oracles in %zu comparisons\n", comparisons);
  return 0;
}
