#include "clones.h"
#include "kernels.h"

CLONES void rt_step_sign(float *restrict x, const float *restrict gradient, float step, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] -= gradient[i] > 0 ? step : gradient[i] < 0 ? -step : 0;
}

CLONES void rt_step_adam(float *restrict x, const float *restrict gradient, float *restrict mean,
                         float *restrict square, float mean_decay, float square_decay, float step, float unbias,
                         size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float g = gradient[i];
    mean[i] = mean_decay * mean[i] + (1 - mean_decay) * g;
    square[i] = square_decay * square[i] + (1 - square_decay) * g * g;
    x[i] -= step * mean[i] / (__builtin_sqrtf(square[i] * unbias) + 1e-8f);
  }
}

CLONES void rt_clamp(float *x, float low, float high, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] < low ? low : x[i] > high ? high : x[i];
}

CLONES void rt_clamp_around(float *restrict x, const float *restrict centre, float radius, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float difference = x[i] - centre[i];
    float beyond = difference < 0 ? centre[i] - radius : centre[i] + radius;
    x[i] = __builtin_fabsf(difference) > radius ? beyond : x[i];
  }
}

CLONES void rt_scale_around(float *restrict x, const float *restrict centre, float scale, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = centre[i] + scale * (x[i] - centre[i]);
}

CLONES void rt_restore(float *restrict x, const float *restrict start, const float *restrict free, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = free[i] == 0 ? start[i] : x[i];
}

CLONES void rt_damp_chroma(float *planes, float share, size_t count) {
  float *restrict r = planes, *restrict g = planes + count, *restrict b = planes + 2 * count;
  for (size_t i = 0; i < count; i++) {
    float grey = (r[i] + g[i] + b[i]) * (1.0f / 3);
    r[i] += share * (grey - r[i]);
    g[i] += share * (grey - g[i]);
    b[i] += share * (grey - b[i]);
  }
}

CLONES double rt_total_variation(const float *planes, const float *region, int32_t height, int32_t width, float scale,
                                 float *gradient) {
  const size_t row = (size_t)width, plane = (size_t)height * row;
  double sum = 0;
  for (int32_t y = 0; y < height; y++)
    for (int32_t x = 0; x < width; x++) {
      const size_t at = (size_t)y * row + (size_t)x;
      const size_t right = x + 1 < width ? 1 : 0, below = y + 1 < height ? row : 0;
      const float weight = region ? region[at] : 1;
      float dx[3], dy[3], squares = 1e-6f;
      for (size_t c = 0; c < 3; c++) {
        const float *p = planes + c * plane + at;
        dx[c] = p[right] - p[0];
        dy[c] = p[below] - p[0];
        squares += dx[c] * dx[c] + dy[c] * dy[c];
      }
      const float root = __builtin_sqrtf(squares);
      sum += (double)weight * root;
      if (!gradient) continue;
      const float factor = scale * weight / root;
      for (size_t c = 0; c < 3; c++) {
        float *g = gradient + c * plane + at;
        g[0] -= factor * (dx[c] + dy[c]);
        g[right] += factor * dx[c];
        g[below] += factor * dy[c];
      }
    }
  return sum;
}
