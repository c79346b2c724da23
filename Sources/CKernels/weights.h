#ifndef WEIGHTS_H
#define WEIGHTS_H

#include "kernels.h"

/* That of an output and an input, counted from the first ones to pack; 0 where there is none. */
static inline float weight(const rt_weights *w, int32_t out, int32_t in, int32_t row, int32_t column) {
  const int32_t o = w->first_out + out, i = w->first_in + in, group = o / w->group_outs;
  if (out >= w->outs || in >= w->ins || i / w->group_ins != group) return 0;
  const float scale = w->out_scale ? w->out_scale[o] : w->in_scale ? w->in_scale[i] : 1;
  return scale * w->values[group * w->group_step + o % w->group_outs * w->out_step +
                           i % w->group_ins * w->in_step + row * w->row_step + column * w->column_step];
}

#endif
