#include "check.h"

/* Kernels of arrays: element-wise, reductions, conversions. */

static const size_t counts[] = {0, 1, 15, 16, 17, 64, 67, 200};
enum { COUNTS = sizeof counts / sizeof *counts };

/* Calls a kernel that updates `own`, and compares with what `term` makes of each of its numbers. */
#define CHECK_EACH(NAME, CALL, TERM)                          \
  {                                                           \
    float *own = copy_of(y, count);                           \
    double *wanted = doubles(count);                          \
    CALL;                                                     \
    for (size_t i = 0; i < count; i++) wanted[i] = TERM;      \
    expect(NAME, own, wanted, count, 1e-6);                   \
  }

static void check_elementwise(size_t count) {
  const float *x = random_floats(count), *y = random_floats(count), *weights = random_floats(count);
  const float a = random_float(), b = random_float();
  begin("element-wise, %zu", count);
  CHECK_EACH("fill", rt_fill(own, a, count), a)
  CHECK_EACH("copy", rt_copy(own, x, count), x[i])
  CHECK_EACH("add", rt_add(own, x, count), (double)y[i] + x[i])
  CHECK_EACH("add scaled", rt_add_scaled(own, x, a, count), y[i] + (double)a * x[i])
  CHECK_EACH("multiply", rt_multiply(own, x, count), (double)y[i] * x[i])
  CHECK_EACH("scale", rt_scale(own, a, count), (double)a * y[i])
  CHECK_EACH("weight about", rt_weight_about(own, x, weights, a, count), weights[i] * ((double)x[i] - a))
  CHECK_EACH("add weighted", rt_add_weighted(own, weights, x, a, b, count), y[i] + weights[i] * ((double)a * x[i] + b))
  CHECK_EACH("subtract ratio", rt_subtract_ratio(own, x, weights, 0.25f, count),
             y[i] - x[i] / fmax((double)weights[i], 0.25))

  enum { STRIDE = 3 };
  float *spread = random_floats(count * STRIDE);
  double *wanted_spread = doubles(count * STRIDE);
  for (size_t i = 0; i < count * STRIDE; i++)
    wanted_spread[i] = spread[i] + (i % STRIDE == 0 ? (double)x[i / STRIDE] : 0);
  rt_add_strided(spread, STRIDE, x, count);
  expect("add strided", spread, wanted_spread, count * STRIDE, 1e-6);

  enum { FACTORS = 5 };
  const float *base = random_floats(count + FACTORS), *factors = random_floats(FACTORS);
  int64_t offsets[FACTORS];
  for (int64_t k = 0; k < FACTORS; k++) offsets[k] = FACTORS - k;
  double *wanted = doubles(count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < FACTORS; k++) wanted[i] += (double)factors[k] * base[(size_t)offsets[k] + i];
  float *out = random_floats(count);
  rt_weighted_sum(out, base, offsets, factors, FACTORS, count);
  expect("weighted sum", out, wanted, count, 1e-6);
}

void check_arrays(void) {
  for (size_t i = 0; i < COUNTS; i++) check_elementwise(counts[i]);
}

void check_reductions(void) {
  for (size_t c = 0; c < COUNTS; c++) {
    const size_t count = counts[c];
    const float *x = random_floats(count), *y = random_floats(count);
    double squares = 0, dot = 0, distance = 0, weighted = 0, most = 0, most_difference = 0;
    for (size_t i = 0; i < count; i++) {
      const double difference = (double)x[i] - y[i], about = x[i] - 0.25;
      squares += (double)x[i] * x[i];
      dot += (double)x[i] * y[i];
      distance += difference * difference;
      weighted += y[i] * about * about;
      most = fmax(most, fabs((double)x[i]));
      most_difference = fmax(most_difference, fabs(difference));
    }
    begin("reductions, %zu", count);
    expect_number("sum of squares", rt_sum_squares(x, count), squares, 1e-12);
    expect_number("dot product", rt_dot(x, y, count), dot, 1e-12);
    expect_number("squared distance", rt_squared_distance(x, y, count), distance, 1e-12);
    expect_number("weighted squares", rt_weighted_squares(x, y, 0.25, count), weighted, 1e-12);
    expect_number("largest magnitude", rt_max_abs(x, count), most, 0);
    expect_number("largest difference", rt_max_abs_difference(x, y, count), most_difference, 1e-7);
  }
}

static double value_of_half(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const double magnitude = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

/* The nearest half, ties to even, of which none is beyond the greatest. */
static double nearest_half(double x) {
  const double magnitude = fmin(fabs(x), 65504);
  int exponent;
  frexp(magnitude, &exponent);
  const double step = ldexp(1, exponent < -13 ? -24 : exponent - 11);
  return copysign(fmin(nearbyint(magnitude / step) * step, 65504), x);
}

static void check_halves(void) {
  enum { ALL = 1 << 16, SOME = 20000 };
  /* Neither side need be aligned. */
  uint8_t *bytes = (uint8_t *)room(2 * ALL + 1) + 1;
  float *floats = room(ALL * sizeof *floats);
  for (uint32_t i = 0; i < ALL; i++) memcpy(bytes + 2 * i, &(uint16_t){(uint16_t)i}, 2);
  rt_from_half(floats, bytes, ALL);
  bool is_right = true, is_unbounded = true;
  for (uint32_t i = 0; i < ALL; i++) {
    const bool has_sign = !signbit(floats[i]) == !(i & 0x8000);
    if ((i & 0x7c00) != 0x7c00)
      is_right = is_right && has_sign && floats[i] == value_of_half((uint16_t)i);
    else
      is_unbounded = is_unbounded && has_sign && (i & 0x3ff ? isnan(floats[i]) : isinf(floats[i]));
  }
  begin("halves");
  expect_that("all finite halves are read exactly", is_right);
  expect_that("what is not finite stays so", is_unbounded);

  is_right = true;
  for (size_t i = 0; i < SOME; i++) floats[i] = ldexpf(random_float(), (int)(i % 50) - 30);
  /* Ties too. */
  for (size_t i = 0; i < SOME; i += 7) {
    const double half = nearest_half(floats[i]);
    floats[i] = (float)half * (1 + 0x1p-11f);
  }
  rt_to_half(bytes, floats, SOME);
  for (size_t i = 0; i < SOME; i++) {
    uint16_t half;
    memcpy(&half, bytes + 2 * i, 2);
    is_right = is_right && value_of_half(half) == nearest_half(floats[i]);
  }
  expect_that("floats are rounded to the nearest half", is_right);
}

static void check_wide_and_short(size_t count) {
  uint8_t *doubles_in = (uint8_t *)room(8 * count + 1) + 1, *bfloats_in = (uint8_t *)room(2 * count + 1) + 1;
  const float *x = random_floats(count);
  double *wanted = doubles(count), *wanted_bfloats = doubles(count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    wanted[i] = x[i];
    wanted_bfloats[i] = to_bfloat(x[i]);
    memcpy(doubles_in + 8 * i, &wanted[i], 8);
    memcpy(bfloats_in + 2 * i, &(uint16_t){(uint16_t)((bits + 0x8000) >> 16)}, 2);
  }
  float *out = random_floats(count);
  begin("conversions, %zu", count);
  rt_from_double(out, doubles_in, count);
  expect("from double", out, wanted, count, 0);
  rt_from_bfloat(out, bfloats_in, count);
  expect("from bfloat16", out, wanted_bfloats, count, 0);
}

void check_conversions(void) {
  check_halves();
  for (size_t c = 0; c < COUNTS; c++) {
    check_wide_and_short(counts[c]);
    float *x = random_floats(counts[c]);
    bool finds = true;
    expect_that("finite numbers are finite", rt_all_finite(x, counts[c]));
    for (size_t i = 0; i < counts[c]; i++) {
      const float kept = x[i];
      x[i] = i % 3 == 0 ? INFINITY : i % 3 == 1 ? -INFINITY : NAN;
      finds = finds && !rt_all_finite(x, counts[c]);
      x[i] = kept;
    }
    expect_that("a number that is not finite is found", finds);
  }
}
