#ifndef WEIGHTS_H
#define WEIGHTS_H

#include "clones.h"
#include "kernels.h"

/* The weight of an output and an input, counted from the first ones to pack; 0 where there is none. */
INLINE float weight(const rt_weights *w, int32_t out, int32_t in, int32_t row, int32_t column) {
  const int32_t o = w->first_out + out, i = w->first_in + in, group = o / w->group_outs;
  if (out >= w->outs || in >= w->ins || i / w->group_ins != group) return 0;
  const float scale = w->out_scale ? w->out_scale[o] : w->in_scale ? w->in_scale[i] : 1;
  return scale * w->values[group * w->group_stride + o % w->group_outs * w->out_stride +
                           i % w->group_ins * w->in_stride + row * w->row_stride + column * w->column_stride];
}

/* Whether these are RT_MR outputs and inputs of one group. */
INLINE bool has_whole_group(const rt_weights *w) {
  return w->outs == RT_MR && w->first_out + RT_MR <= w->group_outs && w->first_in + w->ins <= w->group_ins;
}

/* The weights of RT_MR outputs for an input and a tap.
     out   [32] */
INLINE void weights_of_input(float *restrict out, const rt_weights *weights, int32_t in, int32_t row, int32_t column) {
  const rt_weights w = *weights;
  if (in >= w.ins || w.first_out + w.outs > w.group_outs || w.first_in + w.ins > w.group_ins) {
    for (int32_t o = 0; o < RT_MR; o++) out[o] = weight(&w, o, in, row, column);
    return;
  }
  /* All are of the first group. */
  const int32_t i = w.first_in + in;
  const float *values =
      w.values + w.first_out * w.out_stride + i * w.in_stride + row * w.row_stride + column * w.column_stride;
  if (w.out_scale) {
    for (int32_t o = 0; o < w.outs; o++) out[o] = w.out_scale[w.first_out + o] * values[o * w.out_stride];
  } else {
    const float scale = w.in_scale ? w.in_scale[i] : 1;
    if (w.out_stride == 1)
      for (int32_t o = 0; o < w.outs; o++) out[o] = scale * values[o];
    else
      for (int32_t o = 0; o < w.outs; o++) out[o] = scale * values[o * w.out_stride];
  }
  for (int32_t o = w.outs; o < RT_MR; o++) out[o] = 0;
}

#endif
