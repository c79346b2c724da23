#include "check.h"

/* Steps of the ascent, of attacks and of training; noise. */

static const size_t counts[] = {0, 1, 15, 16, 17, 64, 67, 200};
enum { COUNTS = sizeof counts / sizeof *counts };

static double clamped(double x, double low, double high) { return fmin(fmax(x, low), high); }

static void check_steps(size_t count) {
  const float *x = random_floats(count), *y = random_floats(count), *z = random_floats(count);
  const float step = 0.3f, momentum = 0.9f, decay = 0.01f;
  double *first = doubles(count), *second = doubles(count), *third = doubles(count);
  begin("steps, %zu", count);

  float *own = copy_of(x, count), *mean = copy_of(y, count), *square = random_floats(count);
  for (size_t i = 0; i < count; i++) {
    square[i] = square[i] * square[i];
    second[i] = (double)momentum * mean[i] + (1 - (double)momentum) * z[i];
    third[i] = (1 - (double)decay) * square[i] + (double)decay * z[i] * z[i];
    first[i] = x[i] - step * second[i] / (sqrt(third[i] * 1.5) + 1e-8);
  }
  rt_step_adam(own, z, mean, square, momentum, 1 - decay, step, 1.5f, count);
  expect("Adam", own, first, count, 1e-5);
  expect("Adam's mean", mean, second, count, 1e-6);
  expect("Adam's square", square, third, count, 1e-6);

  own = copy_of(x, count);
  float *gradient = copy_of(y, count);
  for (size_t i = 0; i < count; i++) {
    if (i % 5 == 0) gradient[i] = 0;
    first[i] = x[i] - (double)step * ((gradient[i] > 0) - (gradient[i] < 0));
  }
  rt_step_sign(own, gradient, step, count);
  expect("sign", own, first, count, 1e-6);

  own = copy_of(x, count);
  float *velocity = copy_of(y, count);
  for (size_t i = 0; i < count; i++) {
    const double g = z[i] + (double)decay * x[i];
    second[i] = (double)momentum * y[i] + g;
    first[i] = x[i] - step * (g + momentum * second[i]);
  }
  rt_step_nesterov(own, velocity, z, step, momentum, decay, count);
  expect("Nesterov", own, first, count, 1e-6);
  expect("Nesterov's velocity", velocity, second, count, 1e-6);

  own = copy_of(x, count);
  float *previous = copy_of(y, count);
  for (size_t i = 0; i < count; i++)
    first[i] = x[i] + (1 - (double)momentum) * ((double)z[i] - x[i]) + (double)momentum * ((double)x[i] - y[i]);
  rt_blend_momentum(own, previous, z, momentum, count);
  for (size_t i = 0; i < count; i++) second[i] = x[i];
  expect("momentum", own, first, count, 1e-6);
  expect("what was before", previous, second, count, 0);

  own = copy_of(y, count);
  for (size_t i = 0; i < count; i++) first[i] = (double)momentum * y[i] + (1 - (double)momentum) * x[i];
  rt_blend(own, x, momentum, count);
  expect("running average", own, first, count, 1e-6);
}

static void check_constraints(size_t count) {
  const float *x = random_floats(count), *y = random_floats(count);
  float *free = random_floats(count), *own = copy_of(x, count);
  double *wanted = doubles(count);
  begin("constraints, %zu", count);
  for (size_t i = 0; i < count; i++) wanted[i] = clamped(x[i], -0.5, 0.25);
  rt_clamp(own, -0.5f, 0.25f, count);
  expect("clamp", own, wanted, count, 0);

  own = copy_of(x, count);
  for (size_t i = 0; i < count; i++) wanted[i] = clamped(x[i], y[i] - 0.25, y[i] + 0.25);
  rt_clamp_around(own, y, 0.25f, count);
  expect("clamp around", own, wanted, count, 1e-6);

  own = copy_of(x, count);
  for (size_t i = 0; i < count; i++) wanted[i] = y[i] + 0.75 * ((double)x[i] - y[i]);
  rt_scale_around(own, y, 0.75f, count);
  expect("scale around", own, wanted, count, 1e-6);

  own = copy_of(x, count);
  for (size_t i = 0; i < count; i++) {
    if (i % 2 == 0) free[i] = 0;
    wanted[i] = free[i] == 0 ? y[i] : x[i];
  }
  rt_restore(own, y, free, count);
  expect("restore", own, wanted, count, 0);

  const float *planes = random_floats(3 * count);
  double *grey = doubles(3 * count);
  own = copy_of(planes, 3 * count);
  for (size_t i = 0; i < 3 * count; i++) {
    const double mean = ((double)planes[i % count] + planes[i % count + count] + planes[i % count + 2 * count]) / 3;
    grey[i] = planes[i] + 0.375 * (mean - planes[i]);
  }
  rt_damp_chroma(own, 0.375f, count);
  expect("damp chroma", own, grey, 3 * count, 1e-6);
}

static void check_total_variation(int32_t height, int32_t width, bool has_region) {
  const size_t plane = (size_t)(height * width);
  const float *planes = random_floats(3 * plane), *region = has_region ? random_floats(plane) : NULL;
  float *gradient = random_floats(3 * plane);
  double *wanted = doubles(3 * plane), sum = 0;
  for (size_t i = 0; i < 3 * plane; i++) wanted[i] = gradient[i];
  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++) {
      const size_t at = (size_t)(y * width + x);
      const size_t neighbours[] = {x + 1 < width ? at + 1 : at, y + 1 < height ? at + (size_t)width : at};
      const double weight = region ? region[at] : 1;
      double squares = 1e-6;
      for (size_t k = 0; k < 6; k++) {
        const size_t c = k / 2 * plane;
        const double difference = (double)planes[c + neighbours[k % 2]] - planes[c + at];
        squares += difference * difference;
      }
      sum += weight * sqrt(squares);
      for (size_t k = 0; k < 6; k++) {
        const size_t c = k / 2 * plane;
        const double difference = (double)planes[c + neighbours[k % 2]] - planes[c + at];
        const double moved = 0.5 * weight * difference / sqrt(squares);
        wanted[c + neighbours[k % 2]] += moved;
        wanted[c + at] -= moved;
      }
    }
  begin("total variation of %dx%d%s", height, width, has_region ? " in a region" : "");
  expect_number("sum", rt_total_variation(planes, region, height, width, 0.5f, gradient), sum, 1e-5);
  expect("gradient", gradient, wanted, 3 * plane, 1e-5);
  expect_number("sum alone", rt_total_variation(planes, region, height, width, 0.5f, NULL), sum, 1e-5);
}

static void check_box(size_t count, bool uniform, float sign) {
  float *x = random_floats(count);
  float *w = random_floats(count);
  double *wanted = doubles(count), gain = 0, slope = 0;
  const double length = 0.4;
  for (size_t i = 0; i < count; i++) {
    x[i] = fabsf(x[i]);
    if (i % 6 == 0) w[i] = 0;
    const double direction = sign * w[i], size = fabs(direction), speed = uniform ? 1 : size;
    const double room = direction > 0 ? 1 - (double)x[i] : direction < 0 ? x[i] : 0;
    gain += size * fmin(length * speed, room);
    if (length * speed < room) slope += size * speed;
    wanted[i] = (direction < 0 ? -1 : 1) * fmin(length * speed, room);
  }
  float *step = random_floats(count);
  const rt_gain made = rt_gain_in_box(x, w, sign, uniform, length, count);
  rt_step_in_box(step, x, w, sign, uniform, length, count);
  begin("in a box, %zu, %s", count, uniform ? "uniform" : "by weight");
  expect_number("gain", made.gain, gain, 1e-9);
  expect_number("slope", made.slope, slope, 1e-9);
  expect("step", step, wanted, count, 1e-6);
}

void check_ascent(void) {
  for (size_t c = 0; c < COUNTS; c++) {
    check_steps(counts[c]);
    check_constraints(counts[c]);
    check_box(counts[c], true, 1);
    check_box(counts[c], false, -1);
    release();
  }
  check_total_variation(7, 9, false);
  check_total_variation(5, 20, true);
  check_total_variation(1, 1, true);
}

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011) of one counter. */
static void philox(uint32_t c[4], uint64_t block, uint64_t seed, uint64_t stream) {
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  c[0] = (uint32_t)block, c[1] = (uint32_t)(block >> 32), c[2] = (uint32_t)stream, c[3] = (uint32_t)(stream >> 32);
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
    const uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
    c[0] = (uint32_t)(b >> 32) ^ c[1] ^ k0;
    c[2] = (uint32_t)(a >> 32) ^ c[3] ^ k1;
    c[1] = (uint32_t)b;
    c[3] = (uint32_t)a;
  }
}

static void check_noise_of(size_t count, uint64_t seed, uint64_t stream) {
  double *uniform = doubles(count), *normal = doubles(count);
  for (size_t i = 0; i < count; i++) {
    /* Sixteen counters make 64 numbers: the first words of all, then the second words, and so on. */
    const size_t word = i / RT_BLOCK % 4;
    uint32_t c[4];
    philox(c, i / 64 * RT_BLOCK + i % RT_BLOCK, seed, stream);
    uniform[i] = (c[word] >> 8) * 0x1p-23 - 1;
    const double radius = sqrt(-2 * log((c[word & 2] + 0.5) * 0x1p-32));
    const double angle = 2 * 3.14159265358979323846 * (c[word | 1] * 0x1p-32);
    normal[i] = radius * (word % 2 == 0 ? cos(angle) : sin(angle));
  }
  float *out = random_floats(count);
  begin("noise, %zu", count);
  rt_uniform_noise(out, seed, stream, count);
  expect("uniform", out, uniform, count, 1e-7);
  rt_normal_noise(out, seed, stream, count);
  expect("normal", out, normal, count, 2e-6);
}

void check_noise(void) {
  uint32_t c[4];
  philox(c, 0, 0, 0);
  begin("Philox4x32-10");
  expect_that("zeros give the known answer",
              c[0] == 0x6627e8d5 && c[1] == 0xe169c58d && c[2] == 0xbc57ac4c && c[3] == 0x9b00dbd8);
  for (size_t i = 0; i < COUNTS; i++) check_noise_of(counts[i], 1234567890123 + i, UINT64_MAX - i);
  check_noise_of(2000, 0, 7);
}
