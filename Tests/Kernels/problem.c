#include "problem.h"

map make_map(size_t images, size_t channels, int32_t height, int32_t width) {
  map m = {.images = images, .channels = channels, .blocks = (channels + RT_BLOCK - 1) / RT_BLOCK, .height = height,
           .width = width};
  m.block_stride = (images * (size_t)height * (size_t)width + 1) * RT_BLOCK;
  m.floats = m.blocks * m.block_stride;
  m.values = random_floats(m.floats);
  for (size_t i = 0; i < m.floats; i++) {
    const size_t channel = i / m.block_stride * RT_BLOCK + i % RT_BLOCK;
    if (channel >= channels || i % m.block_stride >= m.block_stride - RT_BLOCK) m.values[i] = 0;
  }
  return m;
}

size_t place_in(const map *m, size_t channel, size_t image, int32_t y, int32_t x) {
  const size_t position = (image * (size_t)m->height + (size_t)y) * (size_t)m->width + (size_t)x;
  return channel / RT_BLOCK * m->block_stride + position * RT_BLOCK + channel % RT_BLOCK;
}

problem make_problem(const shape *s, epilogue_kind kind) {
  const int32_t grid_height = (s->height + 2 * s->pad - s->taps_height) / s->stride + 1;
  const int32_t grid_width = (s->width + 2 * s->pad - s->taps_width) / s->stride + 1;
  problem p = {.shape = *s};
  p.window = (rt_window){
      .height = s->height, .width = s->width, .grid_height = grid_height, .grid_width = grid_width,
      .stride = s->stride, .top = -s->pad, .left = -s->pad, .taps_height = s->taps_height,
      .taps_width = s->taps_width, .out_height = grid_height * s->out_stride, .out_width = grid_width * s->out_stride,
      .out_stride = s->out_stride, .out_y = s->out_stride > 1 ? 1 : 0, .out_x = 0};
  p.in = make_map((size_t)s->images, (size_t)s->ins, s->height, s->width);
  p.out = make_map((size_t)s->images, (size_t)s->outs, p.window.out_height, p.window.out_width);
  p.weights = random_floats((size_t)(s->outs * (s->ins / s->groups) * s->taps_height * s->taps_width));
  if (s->is_scaled) p.scale = random_floats((size_t)s->outs);
  p.epilogue.accumulate = kind == ACCUMULATE || kind == ACCUMULATE_AND_KEEP;
  if (kind == BIAS_RESIDUAL_RELU) {
    float *bias = random_floats(p.out.blocks * RT_BLOCK);
    for (size_t o = (size_t)s->outs; o < p.out.blocks * RT_BLOCK; o++) bias[o] = 0;
    p.epilogue.bias = bias;
    p.epilogue.residual = make_map(p.out.images, p.out.channels, p.out.height, p.out.width).values;
    p.epilogue.ceiling = random_word() % 2 ? INFINITY : 1;
  }
  if (kind == ACCUMULATE_AND_KEEP) {
    uint16_t *keep = room(p.out.floats / RT_BLOCK * sizeof *keep);
    for (size_t i = 0; i < p.out.floats / RT_BLOCK; i++) keep[i] = (uint16_t)random_word();
    p.epilogue.keep = keep;
  }
  return p;
}

static void fill_coarsely(map *m) {
  for (size_t i = 0; i < m->floats; i++) m->values[i] = rintf(m->values[i]);
}

void make_coarse(problem *p) {
  const size_t count = (size_t)(p->shape.outs * (p->shape.ins / p->shape.groups) * p->shape.taps_height *
                                p->shape.taps_width);
  float *weights = copy_of(p->weights, count);
  for (size_t i = 0; i < count; i++) weights[i] = 576 * rintf(weights[i]);
  fill_coarsely(&p->in);
  fill_coarsely(&p->out);
  p->weights = weights;
  p->scale = NULL;
}

void begin_problem(const char *algorithm, const problem *p) {
  const shape *s = &p->shape;
  begin("%s, %dx%dx%dx%d to %d, window %dx%d, stride %d, pad %d, groups %d%s%s%s%s%s", algorithm, s->images, s->ins,
        s->height, s->width, s->outs, s->taps_height, s->taps_width, s->stride, s->pad, s->groups,
        s->out_stride > 1 ? ", spread" : "", s->is_scaled ? ", scaled" : "", p->epilogue.ceiling > 0 ? ", ReLU" : "",
        p->epilogue.accumulate ? ", added" : "", p->epilogue.keep ? ", masked" : "");
}

rt_weights weights_of_rows(const problem *p, int32_t row, int32_t first_in, bool rotated, bool swapped) {
  const shape *s = &p->shape;
  const int32_t taps = s->taps_height * s->taps_width, ins = s->ins / s->groups, outs = s->outs / s->groups;
  rt_weights w = {
      .values = p->weights, .out_stride = ins * taps, .in_stride = taps, .row_stride = s->taps_width,
      .column_stride = 1, .group_stride = outs * ins * taps, .first_out = row, .first_in = first_in,
      .group_outs = outs, .group_ins = ins, .rows = s->taps_height, .columns = s->taps_width, .out_scale = p->scale};
  int32_t all_outs = s->outs, all_ins = s->ins;
  if (rotated) {
    w.values += taps - 1;
    w.row_stride = -w.row_stride;
    w.column_stride = -1;
  }
  if (swapped) {
    w.out_stride = taps;
    w.in_stride = ins * taps;
    w.group_outs = ins;
    w.group_ins = outs;
    w.in_scale = w.out_scale;
    w.out_scale = NULL;
    all_outs = s->ins;
    all_ins = s->outs;
  }
  w.outs = all_outs - row < RT_MR ? all_outs - row : RT_MR;
  w.ins = all_ins - first_in;
  return w;
}

/* Calls `body` for each input and tap that an output position sees. */
#define EACH_SEEN(p, y, x, BODY)                                                    \
  for (int32_t ty = 0; ty < (p)->window.taps_height; ty++)                          \
    for (int32_t tx = 0; tx < (p)->window.taps_width; tx++) {                       \
      const int32_t iy = (y) * (p)->window.stride + (p)->window.top + ty;           \
      const int32_t ix = (x) * (p)->window.stride + (p)->window.left + tx;          \
      if (iy < 0 || iy >= (p)->in.height || ix < 0 || ix >= (p)->in.width) continue; \
      for (size_t i = 0; i < ins; i++) BODY                                         \
    }

double *convolve(const problem *p, float (*rounded)(float)) {
  const rt_window *w = &p->window;
  const size_t ins = p->in.channels / (size_t)p->shape.groups, outs = p->out.channels / (size_t)p->shape.groups;
  const size_t taps = (size_t)(w->taps_height * w->taps_width);
  double *made = doubles(p->out.floats);
  for (size_t i = 0; i < p->out.floats; i++) made[i] = p->out.values[i];
  for (size_t o = 0; o < p->out.channels; o++)
    for (size_t n = 0; n < p->out.images; n++)
      for (int32_t y = 0; y < w->grid_height; y++)
        for (int32_t x = 0; x < w->grid_width; x++) {
          const size_t at =
              place_in(&p->out, o, n, y * w->out_stride + w->out_y, x * w->out_stride + w->out_x);
          double sum = p->epilogue.accumulate ? p->out.values[at] : 0;
          EACH_SEEN(p, y, x, {
            const float weight = p->weights[(o * ins + i) * taps + (size_t)(ty * w->taps_width + tx)];
            sum += (double)rounded(p->scale ? p->scale[o] * weight : weight) *
                   rounded(p->in.values[place_in(&p->in, o / outs * ins + i, n, iy, ix)]);
          })
          if (p->epilogue.bias) sum += p->epilogue.bias[o];
          if (p->epilogue.residual) sum += p->epilogue.residual[at];
          if (p->epilogue.ceiling > 0) sum = fmin(fmax(sum, 0), p->epilogue.ceiling);
          if (p->epilogue.keep && !(p->epilogue.keep[at / RT_BLOCK] >> at % RT_BLOCK & 1)) sum = 0;
          made[at] = sum;
        }
  return made;
}

double *weight_gradient(const problem *p, float (*rounded)(float)) {
  const rt_window *w = &p->window;
  const size_t ins = p->in.channels / (size_t)p->shape.groups, outs = p->out.channels / (size_t)p->shape.groups;
  const size_t taps = (size_t)(w->taps_height * w->taps_width);
  double *made = doubles(p->out.channels * ins * taps);
  for (size_t o = 0; o < p->out.channels; o++)
    for (size_t n = 0; n < p->out.images; n++)
      for (int32_t y = 0; y < w->grid_height; y++)
        for (int32_t x = 0; x < w->grid_width; x++) {
          const double gradient = rounded(p->out.values[place_in(&p->out, o, n, y, x)]);
          EACH_SEEN(p, y, x, {
            made[(o * ins + i) * taps + (size_t)(ty * w->taps_width + tx)] +=
                gradient * rounded(p->in.values[place_in(&p->in, o / outs * ins + i, n, iy, ix)]);
          })
        }
  return made;
}
