#include "problem.h"

/* Gradients of weights by each algorithm that takes the shape. An algorithm adds to `gradient`, which is laid out as
   the weights are. */
typedef void algorithm(const problem *p, float *gradient);

static void check_algorithm(const char *name, algorithm *run, const problem *p, float (*rounded)(float),
                            double tolerance) {
  const size_t count = (size_t)(p->shape.outs * (p->shape.ins / p->shape.groups) * p->shape.taps_height *
                                p->shape.taps_width);
  float *gradient = random_floats(count);
  double *wanted = weight_gradient(p, rounded);
  for (size_t i = 0; i < count; i++) wanted[i] += gradient[i];
  run(p, gradient);
  begin_problem(name, p);
  expect("weight gradient", gradient, wanted, count, tolerance);
}

/* Tap by tap: what a tap sees times the gradient, of a whole map at a time. */
static void run_direct(const problem *p, float *gradient, rt_format format) {
  const size_t positions = p->out.images * (size_t)p->out.height * (size_t)p->out.width;
  const size_t depth = format == RT_F32 ? positions : (positions + 1) / 2, packed_stride = depth * RT_BLOCK;
  const size_t taps = (size_t)(p->shape.taps_height * p->shape.taps_width), width = p->out.blocks * RT_BLOCK;
  const size_t group_ins = (size_t)(p->shape.ins / p->shape.groups);
  const size_t group_outs = (size_t)(p->shape.outs / p->shape.groups);
  float *packed = room(p->out.blocks * packed_stride * sizeof *packed);
  for (size_t b = 0; b < p->out.blocks && format == RT_BF16; b++)
    rt_pack_positions_bf16(packed + b * packed_stride, p->out.values + b * p->out.block_stride, positions);
  float *seen = room(packed_stride * sizeof *seen), *sums = random_floats(RT_BLOCK * width);
  for (size_t block = 0; block < p->in.blocks; block++)
    for (size_t tap = 0; tap < taps; tap++) {
      const size_t ins = p->in.channels - block * RT_BLOCK, rows = ins < RT_BLOCK ? ins : RT_BLOCK;
      rt_window w = p->window;
      w.top += (int32_t)tap / p->shape.taps_width;
      w.left += (int32_t)tap % p->shape.taps_width;
      w.taps_height = w.taps_width = 1;
      rt_gather(seen, p->in.values + block * p->in.block_stride, &w, 0, positions, format);
      const rt_outer_operands outer = {
          .left = seen, .right = format == RT_F32 ? p->out.values : packed, .left_stride = RT_BLOCK,
          .right_stride = RT_BLOCK, .right_block_stride = format == RT_F32 ? p->out.block_stride : packed_stride,
          .depth = depth, .format = format};
      rt_outer_product(sums, width, &outer, rows, p->out.blocks, true);
      for (size_t i = 0; i < rows; i++) {
        const size_t group = (block * RT_BLOCK + i) / group_ins, own = (block * RT_BLOCK + i) % group_ins;
        rt_add_strided(gradient + (group * group_outs * group_ins + own) * taps + tap, group_ins * taps,
                       sums + i * width + group * group_outs, group_outs);
      }
    }
}

static void direct(const problem *p, float *gradient) { run_direct(p, gradient, RT_F32); }
static void direct_bf16(const problem *p, float *gradient) { run_direct(p, gradient, RT_BF16); }

/* In two parts, the second of which is added to the first. */
static void im2col(const problem *p, float *gradient) {
  const size_t positions = p->out.images * (size_t)p->out.height * (size_t)p->out.width;
  const size_t taps = (size_t)(p->shape.taps_height * p->shape.taps_width), ins = (size_t)p->shape.ins;
  const size_t rows = taps * ins, depth = whole(rows, RT_BLOCK), width = p->out.blocks * RT_BLOCK;
  float *patches = room((positions * depth + RT_BLOCK) * sizeof *patches), *sums = random_floats(rows * width);
  for (size_t part = 0; part < 2; part++) {
    const size_t first = positions * part / 2, count = positions * (part + 1) / 2 - first;
    rt_im2col(patches, p->in.values, p->shape.ins, &p->window, p->in.images, first, count, depth);
    const rt_outer_operands outer = {
        .left = patches, .right = p->out.values + first * RT_BLOCK, .left_stride = depth, .right_stride = RT_BLOCK,
        .right_block_stride = p->out.block_stride, .depth = count, .format = RT_F32};
    rt_outer_product(sums, width, &outer, rows, p->out.blocks, part == 0);
  }
  for (size_t row = 0; row < rows; row++)
    for (size_t o = 0; o < p->out.channels; o++)
      gradient[(o * ins + row % ins) * taps + row / ins] += sums[row * width + o];
}

static void run_winograd(const problem *p, float *gradient, rt_format format) {
  enum { PRODUCTS = 36, TASK = 6, MOST_TILES = 64 };
  const size_t down = (size_t)((p->out.height + 3) / 4), across = (size_t)((p->out.width + 3) / 4);
  const size_t count = p->out.images * down * across, depth = format == RT_F32 ? count : (count + 1) / 2;
  const size_t product_stride = depth * RT_BLOCK, block_stride = PRODUCTS * product_stride;
  const size_t width = p->out.blocks * RT_BLOCK;
  float *inputs = room(p->in.blocks * block_stride * sizeof *inputs);
  float *gradients = room(p->out.blocks * block_stride * sizeof *gradients);
  for (size_t first = 0; first < count; first += TASK) {
    const rt_winograd_tiles tiles = {
        .window = &p->window, .side = 4, .images = p->in.images, .first = first,
        .count = count - first < TASK ? count - first : TASK, .depth = RT_BLOCK, .product_stride = product_stride,
        .block_stride = block_stride, .packing = format == RT_F32 ? RT_NOT_PACKED : RT_PACKED_TILES};
    const size_t to = (format == RT_F32 ? first : first / 2) * RT_BLOCK;
    rt_winograd_input(inputs + to, p->in.values, p->in.block_stride, p->in.blocks, &tiles);
    rt_winograd_output_gradient(gradients + to, p->out.values, p->out.block_stride, p->out.blocks, &tiles);
  }
  float *sums = room(PRODUCTS * RT_BLOCK * width * sizeof *sums);
  for (size_t block = 0; block < p->in.blocks; block++) {
    const size_t ins = p->in.channels - block * RT_BLOCK, rows = ins < RT_BLOCK ? ins : RT_BLOCK;
    for (size_t k = 0; k < PRODUCTS; k++) {
      const rt_outer_operands outer = {
          .left = inputs + block * block_stride + k * product_stride, .right = gradients + k * product_stride,
          .left_stride = RT_BLOCK, .right_stride = RT_BLOCK, .right_block_stride = block_stride, .depth = depth,
          .format = format};
      rt_outer_product(sums + k * RT_BLOCK * width, width, &outer, rows, p->out.blocks, true);
    }
    for (size_t i = 0; i < rows; i++)
      rt_winograd_weight_gradient(gradient + (block * RT_BLOCK + i) * 9, sums + i * width, RT_BLOCK * width,
                                  p->in.channels, p->out.channels);
  }
}

static void winograd(const problem *p, float *gradient) { run_winograd(p, gradient, RT_F32); }
static void winograd_bf16(const problem *p, float *gradient) { run_winograd(p, gradient, RT_BF16); }

/* Outer products of all numbers of rows and blocks that micro-tiles differ in. */
static void check_outer_product(size_t rows, size_t blocks, size_t depth, bool anew) {
  const size_t width = blocks * RT_BLOCK, right_block_stride = depth * RT_BLOCK + 7;
  const float *left = random_floats(depth * rows), *right = random_floats((blocks - 1) * right_block_stride +
                                                                          depth * RT_BLOCK);
  float *sums = random_floats(rows * width);
  double *wanted = doubles(rows * width);
  for (size_t at = 0; at < rows * width; at++) {
    const size_t row = at / width, column = at % width;
    wanted[at] = anew ? 0 : sums[at];
    for (size_t k = 0; k < depth; k++)
      wanted[at] += (double)left[k * rows + row] *
                    right[column / RT_BLOCK * right_block_stride + k * RT_BLOCK + column % RT_BLOCK];
  }
  const rt_outer_operands outer = {left, right, rows, RT_BLOCK, right_block_stride, depth, RT_F32};
  rt_outer_product(sums, width, &outer, rows, blocks, anew);
  begin("outer product of %zu by %zu blocks, depth %zu, %s", rows, blocks, depth, anew ? "anew" : "continued");
  expect("sums", sums, wanted, rows * width, 2e-6);
}

void check_weight_gradients(void) {
  for (size_t rows = 1; rows <= 19; rows++)
    for (size_t blocks = 1; blocks <= 7; blocks++) {
      check_outer_product(rows, blocks, rows + blocks, blocks % 2 == 0);
      release();
    }
  const shape shapes[] = {
      /* images, inputs, outputs, map, window, stride, pad, groups, output stride, scaled */
      {2, 3, 20, 9, 7, 3, 3, 1, 1, 1, 1, false},  {2, 3, 40, 11, 9, 7, 7, 2, 3, 1, 1, false},
      {3, 17, 33, 7, 9, 1, 1, 1, 0, 1, 1, false}, {2, 20, 40, 9, 8, 1, 1, 2, 0, 1, 1, false},
      {2, 16, 20, 8, 12, 3, 3, 1, 1, 1, 1, false}, {1, 40, 90, 5, 7, 3, 3, 1, 1, 1, 1, false},
      {3, 20, 24, 1, 1, 3, 3, 1, 1, 1, 1, false}, {1, 24, 48, 6, 7, 3, 3, 1, 1, 4, 1, false},
      {1, 36, 36, 5, 6, 3, 3, 2, 1, 36, 1, false},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    problem p = make_problem(s, NOTHING);
    check_algorithm("direct", direct, &p, unchanged, 2e-6);
    check_algorithm("direct, bf16", direct_bf16, &p, to_bfloat, 2e-6);
    if (s->groups == 1 && s->ins <= 12) check_algorithm("im2col", im2col, &p, unchanged, 2e-6);
    if (s->groups == 1 && s->taps_height == 3 && s->taps_width == 3 && s->stride == 1) {
      check_algorithm("F(4x4)", winograd, &p, unchanged, 1e-5);
      make_coarse(&p);
      check_algorithm("F(4x4), bf16", winograd_bf16, &p, unchanged, 1e-6);
    }
    release();
  }
}
