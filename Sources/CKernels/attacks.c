#include "clones.h"
#include "kernels.h"

/* Reductions are made in so many parts, so that the compiler may vectorise and sums are the same on every CPU. */
enum { PARTS = 16 };

CLONES float rt_largest(const float *x, size_t count) {
  float part[PARTS] = {0};
  const size_t whole = count - count % PARTS;
  for (size_t i = 0; i < whole; i += PARTS)
    for (size_t k = 0; k < PARTS; k++) {
      const float size = __builtin_fabsf(x[i + k]);
      part[k] = size > part[k] ? size : part[k];
    }
  float largest = 0;
  for (size_t i = whole; i < count; i++) {
    const float size = __builtin_fabsf(x[i]);
    largest = size > largest ? size : largest;
  }
  for (size_t k = 0; k < PARTS; k++) largest = part[k] > largest ? part[k] : largest;
  return largest;
}

CLONES float rt_largest_difference(const float *x, const float *y, size_t count) {
  float part[PARTS] = {0};
  const size_t whole = count - count % PARTS;
  for (size_t i = 0; i < whole; i += PARTS)
    for (size_t k = 0; k < PARTS; k++) {
      const float size = __builtin_fabsf(x[i + k] - y[i + k]);
      part[k] = size > part[k] ? size : part[k];
    }
  float largest = 0;
  for (size_t i = whole; i < count; i++) {
    const float size = __builtin_fabsf(x[i] - y[i]);
    largest = size > largest ? size : largest;
  }
  for (size_t k = 0; k < PARTS; k++) largest = part[k] > largest ? part[k] : largest;
  return largest;
}

CLONES void rt_blend_momentum(float *restrict x, float *restrict previous, const float *restrict z, float inertia,
                              size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float at = x[i];
    x[i] = at + (1 - inertia) * (z[i] - at) + inertia * (at - previous[i]);
    previous[i] = at;
  }
}

/* How far value x may go in the direction of sign, and how far it goes. */
INLINE double room_in_box(float x, float direction) {
  return direction > 0 ? 1.0 - (double)x : direction < 0 ? (double)x : 0;
}

CLONES rt_gain rt_gain_in_box(const float *restrict x, const float *restrict w, float sign, bool uniform,
                              double length, size_t count) {
  double gain[PARTS] = {0}, slope[PARTS] = {0};
  for (size_t first = 0; first < count; first += PARTS) {
    const size_t lanes = count - first < PARTS ? count - first : PARTS;
    for (size_t k = 0; k < lanes; k++) {
      const float direction = sign * w[first + k];
      const double size = __builtin_fabs((double)direction), speed = uniform ? 1 : size;
      const double room = room_in_box(x[first + k], direction), way = length * speed;
      gain[k] += size * (way < room ? way : room);
      slope[k] += way < room ? size * speed : 0;
    }
  }
  rt_gain all = {0, 0};
  for (size_t k = 0; k < PARTS; k++) {
    all.gain += gain[k];
    all.slope += slope[k];
  }
  return all;
}

CLONES void rt_step_in_box(float *restrict step, const float *restrict x, const float *restrict w, float sign,
                           bool uniform, double length, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float direction = sign * w[i];
    const double room = room_in_box(x[i], direction);
    const double way = length * (uniform ? 1 : __builtin_fabs((double)direction));
    const double size = way < room ? way : room;
    step[i] = (float)(direction < 0 ? -size : size);
  }
}
