#ifndef WINDOWS_H
#define WINDOWS_H

#include <string.h>

#include "clones.h"
#include "kernels.h"
#include "vec16.h"
#include "weights.h"

/* Windows of 3x3 weights, as Winograd's algorithms take them. */
enum { TAPS = 9 };

/* taps[tap][window] of 16 windows [3][3], which are `stride` floats apart, as they are or rotated by 180 degrees. Reads
   what lies between the windows too, but nothing behind the last. */
INLINE void taps_of_windows(vec16 taps[TAPS], const float *values, ptrdiff_t stride, bool rotated) {
  vec16 lines[VEC16];
#pragma clang loop unroll(full)
  for (ptrdiff_t k = 0; k < VEC16 - 1; k++) lines[k] = *(const vec16 *)(values + k * stride);
  const float *last = values + (VEC16 - 1) * stride;
  memcpy(&lines[VEC16 - 1], last, TAPS * sizeof(float));
  transpose_lines(lines);
#pragma clang loop unroll(full)
  for (int tap = 0; tap < TAPS; tap++) taps[tap] = lines[rotated ? TAPS - 1 - tap : tap];
}

/* The taps of RT_MR outputs for one input. */
INLINE void taps_of_input(float taps[TAPS][RT_MR], const rt_weights *w, int32_t in) {
  const bool upright = w->row_stride == 3 && w->column_stride == 1;
  const bool rotated = w->row_stride == -3 && w->column_stride == -1;
  const bool whole = in < w->ins && has_whole_group(w);
  if (!whole || !(upright || rotated)) {
    for (int32_t y = 0; y < 3; y++)
      for (int32_t x = 0; x < 3; x++) weights_of_input(taps[3 * y + x], w, in, y, x);
    return;
  }
  const float *values =
      w->values + w->first_out * w->out_stride + (w->first_in + in) * w->in_stride - (rotated ? 8 : 0);
  for (size_t half = 0; half < RT_MR; half += VEC16) {
    vec16 vectors[TAPS];
    taps_of_windows(vectors, values + (ptrdiff_t)half * w->out_stride, w->out_stride, rotated);
    const vec16 one = (vec16){0} + 1;
    const vec16 scale = w->out_scale  ? *(const vec16 *)(w->out_scale + w->first_out + half)
                        : w->in_scale ? one * w->in_scale[w->first_in + in]
                                      : one;
    for (int tap = 0; tap < TAPS; tap++) *(vec16 *)(taps[tap] + half) = scale * vectors[tap];
  }
}

/* Adds windows [3][3], which are `stride` floats apart.
     taps    [9] of 16 windows
     count   the windows that there are, up to 16 */
INLINE void add_windows(float *windows, size_t stride, const vec16 *taps, size_t count) {
  vec16 lines[VEC16] = {0};
  for (size_t tap = 0; tap < TAPS; tap++) lines[tap] = taps[tap];
  transpose_lines(lines);
  for (size_t k = 0; k < count; k++)
    for (size_t tap = 0; tap < TAPS; tap++) windows[k * stride + tap] += lines[k][tap];
}

#endif
