#ifndef WEIGHTS_H
#define WEIGHTS_H

#include "clones.h"
#include "kernels.h"

/* That of an output and an input, counted from the first ones to pack; 0 where there is none. */
INLINE float weight(const rt_weights *w, int32_t out, int32_t in, int32_t row, int32_t column) {
  const int32_t o = w->first_out + out, i = w->first_in + in, group = o / w->group_outs;
  if (out >= w->outs || in >= w->ins || i / w->group_ins != group) return 0;
  const float scale = w->out_scale ? w->out_scale[o] : w->in_scale ? w->in_scale[i] : 1;
  return scale * w->values[group * w->group_step + o % w->group_outs * w->out_step +
                           i % w->group_ins * w->in_step + row * w->row_step + column * w->column_step];
}

/* Those of RT_ROWS outputs. */
INLINE void weights_of_input(float *restrict out, const rt_weights *weights, int32_t in, int32_t row, int32_t column) {
  const rt_weights w = *weights;
  if (in >= w.ins || w.first_out + w.outs > w.group_outs || w.first_in + w.ins > w.group_ins) {
    for (int32_t o = 0; o < RT_ROWS; o++) out[o] = weight(&w, o, in, row, column);
    return;
  }
  /* All are of the first group. */
  const int32_t i = w.first_in + in;
  const float *values =
      w.values + w.first_out * w.out_step + i * w.in_step + row * w.row_step + column * w.column_step;
  if (w.out_scale) {
    for (int32_t o = 0; o < w.outs; o++) out[o] = w.out_scale[w.first_out + o] * values[o * w.out_step];
  } else {
    const float scale = w.in_scale ? w.in_scale[i] : 1;
    for (int32_t o = 0; o < w.outs; o++) out[o] = scale * values[o * w.out_step];
  }
  for (int32_t o = w.outs; o < RT_ROWS; o++) out[o] = 0;
}

#endif
