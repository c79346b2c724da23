#include "clones.h"
#include "kernels.h"

/* Partial sums, so that the compiler may vectorise and the order is the same on every CPU. */
enum { PARTIAL_SUMS = 16 };

CLONES void rt_blend_momentum(float *restrict x, float *restrict previous, const float *restrict z, float inertia,
                              size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float at = x[i];
    x[i] = at + (1 - inertia) * (z[i] - at) + inertia * (at - previous[i]);
    previous[i] = at;
  }
}

/* How far x may go in this direction. */
INLINE double room_in_box(float x, float direction) {
  return direction > 0 ? 1.0 - (double)x : direction < 0 ? (double)x : 0;
}

CLONES rt_gain rt_gain_in_box(const float *restrict x, const float *restrict w, float sign, bool uniform, double length,
                              size_t count) {
  double gain[PARTIAL_SUMS] = {0}, slope[PARTIAL_SUMS] = {0};
  for (size_t first = 0; first < count; first += PARTIAL_SUMS) {
    const size_t some = count - first < PARTIAL_SUMS ? count - first : PARTIAL_SUMS;
    for (size_t k = 0; k < some; k++) {
      const float direction = sign * w[first + k];
      const double size = __builtin_fabs((double)direction), speed = uniform ? 1 : size;
      const double room = room_in_box(x[first + k], direction), way = length * speed;
      gain[k] += size * (way < room ? way : room);
      slope[k] += way < room ? size * speed : 0;
    }
  }
  rt_gain all = {0, 0};
  for (size_t k = 0; k < PARTIAL_SUMS; k++) {
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
