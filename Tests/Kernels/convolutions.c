#include "problem.h"

/* Convolutions by each algorithm that takes the shape, with each epilogue. An algorithm writes to `out`, and the ReLU
   mask where the epilogue has a place for it. */
typedef void algorithm(const problem *p, float *out, const rt_epilogue *epilogue);

/* How much larger the sums are that a ceiling cuts, which are rounded before it does. */
static double cut_by_ceiling(const problem *p, float (*rounded)(float)) {
  if (!(p->epilogue.ceiling > 0) || p->epilogue.ceiling == INFINITY) return 1;
  problem open = *p;
  open.epilogue.ceiling = INFINITY;
  const double *sums = convolve(&open, rounded);
  double largest = p->epilogue.ceiling;
  for (size_t i = 0; i < p->out.floats; i++) largest = fmax(largest, sums[i]);
  return largest / p->epilogue.ceiling;
}

static void check_algorithm(const char *name, algorithm *run, const problem *p, float (*rounded)(float),
                            double tolerance) {
  float *out = copy_of(p->out.values, p->out.floats);
  rt_epilogue epilogue = p->epilogue;
  const size_t positions = p->out.floats / RT_BLOCK;
  if (epilogue.ceiling > 0) {
    epilogue.relu_mask = room(positions * sizeof *epilogue.relu_mask);
    memset(epilogue.relu_mask, 0, positions * sizeof *epilogue.relu_mask);
  }
  run(p, out, &epilogue);
  begin_problem(name, p);
  expect("output", out, convolve(p, rounded), p->out.floats, tolerance * cut_by_ceiling(p, rounded));
  if (!(epilogue.ceiling > 0) || p->window.out_stride > 1) return;
  bool is_right = true;
  for (size_t i = 0; i < p->out.floats; i++)
    if (i % p->out.block_stride < p->out.block_stride - RT_BLOCK)
      is_right = is_right && (epilogue.relu_mask[i / RT_BLOCK] >> i % RT_BLOCK & 1) ==
                                 (out[i] > 0 && out[i] < epilogue.ceiling);
  expect_that("the ReLU mask tells what is above 0 and below the ceiling", is_right);
}

static size_t positions_of(const problem *p) {
  return p->in.images * (size_t)p->window.grid_height * (size_t)p->window.grid_width;
}

/* In groups, the blocks of inputs that the row block of this row sees. */
static size_t first_block_of(const problem *p, int32_t row) {
  const int32_t ins = p->shape.ins / p->shape.groups, outs = p->shape.outs / p->shape.groups;
  return (size_t)(row / outs * ins) / RT_BLOCK;
}

static size_t end_block_of(const problem *p, int32_t row) {
  const int32_t ins = p->shape.ins / p->shape.groups, outs = p->shape.outs / p->shape.groups;
  const int32_t last = (row + RT_MR < p->shape.outs ? row + RT_MR : p->shape.outs) - 1;
  return whole((size_t)((last / outs + 1) * ins), RT_BLOCK) / RT_BLOCK;
}

/* The weights of the convolution whose gradient this would be, packed for a window of one tap. */
static const float *packed_transposed(const problem *p) {
  const size_t row_block = p->out.blocks * RT_BLOCK * RT_MR, row_blocks = whole((size_t)p->shape.ins, RT_MR) / RT_MR;
  float *packed = room(row_blocks * row_block * sizeof *packed);
  for (size_t b = 0; b < row_blocks; b++) {
    const rt_weights weights = weights_of_rows(p, (int32_t)b * RT_MR, 0, false, true);
    rt_pack_weights(packed + b * row_block, &weights, (int32_t)(p->out.blocks * RT_BLOCK));
  }
  return packed;
}

static void run_direct(const problem *p, float *out, const rt_epilogue *epilogue, bool transposes) {
  const size_t taps = (size_t)(p->window.taps_height * p->window.taps_width), positions = positions_of(p);
  const int32_t at_once = p->shape.groups == 1 ? p->shape.outs : RT_MR;
  size_t seen = 0;
  for (int32_t row = 0; row < p->shape.outs; row += at_once) {
    const size_t own = p->shape.groups == 1 ? p->in.blocks : end_block_of(p, row) - first_block_of(p, row);
    seen = own > seen ? own : seen;
  }
  const size_t depth = taps * seen * RT_BLOCK;
  const rt_transposed_weights transposed = {(size_t)p->shape.outs,
                                            room(2 * whole(depth, RT_MR) * RT_MR * sizeof(float))};
  for (int32_t row = 0; row < p->shape.outs; row += at_once) {
    const size_t rows = (size_t)(p->shape.outs - row < at_once ? p->shape.outs - row : at_once);
    const size_t row_blocks = whole(rows, RT_MR) / RT_MR, most = p->in.blocks - seen;
    const size_t first_block = p->shape.groups == 1     ? 0
                               : first_block_of(p, row) < most ? first_block_of(p, row)
                                                               : most;
    const float *input = p->in.values + first_block * p->in.block_stride;
    const float *weights = transposes ? packed_transposed(p) : NULL;
    if (!transposes) {
      float *packed = room(row_blocks * depth * RT_MR * sizeof *packed);
      for (size_t b = 0; b < row_blocks; b++) {
        rt_weights own = weights_of_rows(p, row + (int32_t)b * RT_MR, (int32_t)(first_block * RT_BLOCK), false, false);
        if (own.ins > (int32_t)(seen * RT_BLOCK)) own.ins = (int32_t)(seen * RT_BLOCK);
        rt_pack_weights(packed + b * depth * RT_MR, &own, (int32_t)(seen * RT_BLOCK));
      }
      weights = packed;
    }
    rt_epilogue moved = rt_epilogue_at(epilogue, (size_t)row / RT_BLOCK * p->out.block_stride);
    if (moved.bias) moved.bias += row;
    /* In two parts. */
    for (size_t part = 0; part < 2; part++) {
      const size_t first = positions * part / 2, count = positions * (part + 1) / 2 - first;
      const float **pointers = room(count * taps * sizeof *pointers);
      size_t *offsets = room(count * sizeof *offsets);
      rt_fill_indirection(pointers, offsets, input, &p->window, p->in.images, first, count,
                          rt_micro_tile_positions(rows));
      const rt_indirection columns = {pointers, taps, seen, p->in.block_stride, RT_F32, false};
      rt_gemm(out + (size_t)row / RT_BLOCK * p->out.block_stride, p->out.block_stride, offsets, weights,
              transposes ? &transposed : NULL, &columns, rows, count, part == 0, &moved);
    }
  }
}

static void direct(const problem *p, float *out, const rt_epilogue *epilogue) { run_direct(p, out, epilogue, false); }
static void direct_transposed(const problem *p, float *out, const rt_epilogue *epilogue) {
  run_direct(p, out, epilogue, true);
}

static void im2col(const problem *p, float *out, const rt_epilogue *epilogue) {
  const size_t taps = (size_t)(p->window.taps_height * p->window.taps_width), positions = positions_of(p);
  const size_t depth = whole((size_t)p->shape.ins * taps, RT_BLOCK), rows = (size_t)p->shape.outs;
  const size_t row_blocks = whole(rows, RT_MR) / RT_MR;
  float *packed = room(row_blocks * depth * RT_MR * sizeof *packed);
  for (size_t b = 0; b < row_blocks; b++) {
    const rt_weights weights = weights_of_rows(p, (int32_t)b * RT_MR, 0, false, false);
    rt_pack_weights(packed + b * depth * RT_MR, &weights, p->shape.ins);
  }
  float *patches = room((positions * depth + RT_BLOCK) * sizeof *patches);
  const float **pointers = room(positions * sizeof *pointers);
  size_t *offsets = room(positions * sizeof *offsets);
  rt_window patch = p->window;
  patch.taps_height = patch.taps_width = 1;
  rt_fill_indirection(pointers, offsets, p->in.values, &patch, p->in.images, 0, positions,
                      rt_micro_tile_positions(rows));
  rt_im2col(patches, p->in.values, p->shape.ins, &p->window, p->in.images, 0, positions, depth);
  for (size_t k = 0; k < positions; k++) pointers[k] = patches + k * depth;
  const rt_indirection columns = {pointers, 1, depth / RT_BLOCK, RT_BLOCK, RT_F32, false};
  rt_gemm(out, p->out.block_stride, offsets, packed, NULL, &columns, rows, positions, false, epilogue);
}

/* Winograd's algorithm. With `rotated` it is that of a gradient, which sees the maps rotated and has the convolution's
   weights as they are; these may be transposed for it. */
static void run_winograd(const problem *p, float *out, const rt_epilogue *epilogue, int32_t side, rt_format format,
                         bool rotated, bool transposes) {
  enum { AT_ONCE = 7 };
  const size_t block = format == RT_BF16 ? 2 * RT_BLOCK : RT_BLOCK, products = (size_t)((side + 2) * (side + 2));
  const size_t depth = whole((size_t)p->shape.ins, block) / block * RT_BLOCK, rows = (size_t)p->shape.outs;
  const size_t weight_depth = transposes ? rows : depth;
  const size_t row_blocks = whole(transposes ? (size_t)p->shape.ins : rows, RT_MR) / RT_MR;
  const size_t row_block = products * weight_depth * RT_MR, product_stride = AT_ONCE * depth + RT_BLOCK;
  float *weights = room(row_blocks * row_block * sizeof *weights);
  for (size_t b = 0; b < row_blocks; b++) {
    const rt_weights own = weights_of_rows(p, (int32_t)b * RT_MR, 0, rotated, transposes);
    rt_winograd_weights(weights + b * row_block, &own, side, format);
  }
  const size_t down = (size_t)((p->window.grid_height + side - 1) / side);
  const size_t across = (size_t)((p->window.grid_width + side - 1) / side), count = p->in.images * down * across;
  const rt_transposed_weights transposed = {rows, room(2 * whole(depth, RT_MR) * RT_MR * sizeof(float))};
  float *inputs = room(((products - 1) * product_stride + AT_ONCE * depth) * sizeof *inputs);
  float *scratch = room(rt_winograd_scratch(side, AT_ONCE) * sizeof *scratch);
  for (size_t first = 0; first < count; first += AT_ONCE) {
    const rt_winograd_tiles tiles = {
        .window = &p->window, .side = side, .rotated = rotated, .images = p->in.images, .first = first,
        .count = count - first < AT_ONCE ? count - first : AT_ONCE, .depth = depth, .product_stride = product_stride,
        .block_stride = RT_BLOCK, .packing = format == RT_F32 ? RT_NOT_PACKED : RT_PACKED_CHANNELS};
    rt_winograd_input(inputs, p->in.values, p->in.block_stride, p->in.blocks, &tiles);
    rt_winograd_output(out, p->out.block_stride, weights, transposes ? &transposed : NULL, inputs, rows,
                       first + AT_ONCE < count, &tiles, epilogue, scratch);
  }
}

/* The same with windows that are transformed when they are needed. */
static void run_windows(const problem *p, float *out, const rt_epilogue *epilogue, int32_t side, bool rotated,
                        bool transposes) {
  enum { AT_ONCE = 7 };
  const size_t depth = whole((size_t)p->shape.ins, RT_BLOCK), rows = (size_t)p->shape.outs;
  const size_t products = (size_t)((side + 2) * (side + 2)), product_stride = AT_ONCE * depth + RT_BLOCK;
  const size_t packed_depth = whole(transposes ? rows : depth, RT_MR), square = 9 * RT_MR * RT_MR;
  const size_t row_blocks = whole(transposes ? depth : rows, RT_MR) / RT_MR, row_block = packed_depth * 9 * RT_MR;
  float *windows = room(row_blocks * row_block * sizeof *windows);
  for (size_t b = 0; b < row_blocks; b++) {
    const rt_weights own = weights_of_rows(p, (int32_t)b * RT_MR, 0, rotated, transposes);
    rt_winograd_windows(windows + b * row_block, &own);
  }
  const size_t down = (size_t)((p->window.grid_height + side - 1) / side);
  const size_t across = (size_t)((p->window.grid_width + side - 1) / side), count = p->in.images * down * across;
  float *inputs = room(((products - 1) * product_stride + AT_ONCE * depth) * sizeof *inputs);
  float *scratch = room(rt_winograd_window_scratch(side, AT_ONCE) * sizeof *scratch);
  for (size_t first = 0; first < count; first += AT_ONCE) {
    const rt_winograd_tiles tiles = {
        .window = &p->window, .side = side, .rotated = rotated, .images = p->in.images, .first = first,
        .count = count - first < AT_ONCE ? count - first : AT_ONCE, .depth = depth, .product_stride = product_stride,
        .block_stride = RT_BLOCK, .packing = RT_NOT_PACKED};
    rt_winograd_input(inputs, p->in.values, p->in.block_stride, p->in.blocks, &tiles);
    rt_winograd_output_by_windows(out, p->out.block_stride, windows, transposes ? square : row_block,
                                  transposes ? row_block : square, transposes, inputs, rows, &tiles, epilogue, scratch);
  }
}

#define WINDOWS(NAME, SIDE, ROTATED, TRANSPOSES)                                      \
  static void NAME(const problem *p, float *out, const rt_epilogue *epilogue) {       \
    run_windows(p, out, epilogue, SIDE, ROTATED, TRANSPOSES);                         \
  }
WINDOWS(windows4, 4, false, false)
WINDOWS(windows2, 2, false, false)
WINDOWS(windows4_rotated, 4, true, false)
WINDOWS(windows2_rotated, 2, true, false)
WINDOWS(windows4_transposed, 4, true, true)
WINDOWS(windows2_transposed, 2, true, true)

#define WINOGRAD(NAME, SIDE, FORMAT, ROTATED, TRANSPOSES)                             \
  static void NAME(const problem *p, float *out, const rt_epilogue *epilogue) {       \
    run_winograd(p, out, epilogue, SIDE, FORMAT, ROTATED, TRANSPOSES);                \
  }
WINOGRAD(winograd4, 4, RT_F32, false, false)
WINOGRAD(winograd2, 2, RT_F32, false, false)
WINOGRAD(winograd4_bf16, 4, RT_BF16, false, false)
WINOGRAD(winograd2_bf16, 2, RT_BF16, false, false)
WINOGRAD(winograd4_rotated, 4, RT_F32, true, false)
WINOGRAD(winograd2_rotated, 2, RT_F32, true, false)
WINOGRAD(winograd4_transposed, 4, RT_F32, true, true)
WINOGRAD(winograd2_transposed, 2, RT_F32, true, true)

/* The low-precision algorithms. The map is cut in strips of some lines; where the window is of one tap and stride, it
   is seen as one line, and cut in strips of whole panels. */
static void run_low_precision(const problem *p, float *out, const rt_epilogue *epilogue, rt_format format) {
  rt_window w = p->window;
  size_t images = p->in.images;
  if (rt_is_pointwise(&w)) {
    w.width = w.grid_width = w.out_width = (int32_t)positions_of(p);
    w.height = w.grid_height = w.out_height = 1;
    images = 1;
  }
  rt_strip strips[8];
  size_t strip_count = 0;
  int32_t most_rows = 0, most_columns = 0;
  for (size_t image = 0; image < images; image++)
    for (int32_t part = 0; part < 2; part++) {
      rt_strip strip = {.image = (int32_t)image, .rows = 1, .columns = w.grid_width};
      if (w.grid_height > 1) {
        strip.row = w.grid_height * part / 2;
        strip.rows = w.grid_height * (part + 1) / 2 - strip.row;
      } else {
        const int32_t half = (int32_t)whole((size_t)w.grid_width / 2, RT_PANEL);
        strip.column = part == 0 ? 0 : half;
        strip.columns = part == 0 ? (half < w.grid_width ? half : w.grid_width) : w.grid_width - half;
      }
      if (strip.columns <= 0) continue;
      most_rows = strip.rows > most_rows ? strip.rows : most_rows;
      most_columns = strip.columns > most_columns ? strip.columns : most_columns;
      strips[strip_count++] = strip;
    }

  const size_t channels = rt_k_block_channels(format), slices = rt_slices(format);
  const size_t channel_blocks = whole((size_t)p->shape.ins, channels) / channels;
  const size_t taps = (size_t)(w.taps_height * w.taps_width);
  const int32_t down = (w.taps_height - 1) / w.stride, across = (w.taps_width - 1) / w.stride;
  const int32_t width = most_columns + across;
  const size_t panels = whole((size_t)((most_rows - 1) * width + most_columns), RT_PANEL) / RT_PANEL;
  /* Panels reach beyond the last line. */
  size_t positions = panels * RT_PANEL + (size_t)(down * width + across);
  if (positions < (size_t)((most_rows + down) * width)) positions = (size_t)((most_rows + down) * width);
  size_t *tap_offsets = room(taps * sizeof *tap_offsets);
  rt_packed_layout layout = {
      .format = format, .channel_blocks = (int32_t)channel_blocks, .width = width, .taps = (int32_t)taps,
      .taps_width = w.taps_width, .tap_offsets = tap_offsets, .phase_stride = positions * RT_BLOCK,
      .block_stride = positions * (size_t)(w.stride * w.stride) * RT_BLOCK};
  layout.slice_stride = channel_blocks * layout.block_stride;
  layout.strip_stride = slices * layout.slice_stride + (format == RT_INT8X3 ? panels * RT_PANEL : 0);
  for (int32_t y = 0; y < w.taps_height; y++)
    for (int32_t x = 0; x < w.taps_width; x++)
      tap_offsets[y * w.taps_width + x] =
          (size_t)(y % w.stride * w.stride + x % w.stride) * layout.phase_stride +
          (size_t)(y / w.stride * width + x / w.stride) * RT_BLOCK;

  uint32_t *packed = room(strip_count * layout.strip_stride * sizeof *packed);
  const size_t blocks_of_block = channels / RT_BLOCK, in_stride = p->in.block_stride;
  size_t all_panels = 0;
  for (size_t s = 0; s < strip_count; s++) {
    uint32_t *own = packed + s * layout.strip_stride;
    all_panels += rt_strip_panels(&strips[s], &layout);
    if (format == RT_INT8X3) {
      float *scales = (float *)(own + slices * layout.slice_stride);
      const float max_abs = rt_window_max_abs(p->in.values, in_stride, p->in.blocks, &w, &strips[s]);
      rt_pack_int8x3(own, scales, p->in.values, in_stride, p->in.blocks, taps > 1 ? &max_abs : NULL, &w, &strips[s],
                     &layout);
    } else {
      for (size_t b = 0; b < channel_blocks; b++) {
        const size_t left = (size_t)p->shape.ins - b * channels;
        rt_pack_bf16(own + b * layout.block_stride, p->in.values + b * blocks_of_block * in_stride, in_stride,
                     (int32_t)(left < channels ? left : channels), &w, &strips[s], &layout);
      }
    }
  }

  const size_t rows = (size_t)p->shape.outs, row_blocks = whole(rows, RT_MR) / RT_MR;
  const size_t row_words = rt_packed_row_words(taps * channel_blocks, format);
  uint32_t *weights = room(row_blocks * row_words * sizeof *weights);
  for (size_t b = 0; b < row_blocks; b++) {
    const rt_weights own = weights_of_rows(p, (int32_t)b * RT_MR, 0, false, false);
    rt_pack_low_precision_weights(weights + b * row_words, &own, format);
  }
  float *sums = room(all_panels * rt_panel_sum_floats(format) * sizeof *sums);
  rt_low_precision_gemm(out, p->out.block_stride, weights, rows, false, packed, &layout, &w, strips, strip_count,
                        epilogue, sums);
}

static void bf16(const problem *p, float *out, const rt_epilogue *epilogue) {
  run_low_precision(p, out, epilogue, RT_BF16);
}
static void bf16x2(const problem *p, float *out, const rt_epilogue *epilogue) {
  run_low_precision(p, out, epilogue, RT_BF16X2);
}
static void int8x3(const problem *p, float *out, const rt_epilogue *epilogue) {
  run_low_precision(p, out, epilogue, RT_INT8X3);
}

/* How far rounding moves a sum of products in float32, as a share of the largest sum: it adds up like a random walk. */
static double rounding(const shape *s) {
  return fmax(2e-6, 6e-8 * sqrt((double)s->ins / s->groups * s->taps_height * s->taps_width));
}

static void check_problem(problem *p) {
  const shape *s = &p->shape;
  const double close = rounding(s);
  const bool is_one_tap = s->taps_height * s->taps_width == 1, is_one_group = s->groups == 1;
  check_algorithm("direct", direct, p, unchanged, close);
  if (is_one_group && is_one_tap && s->outs % RT_MR == 0 && !s->is_scaled)
    check_algorithm("direct, transposed", direct_transposed, p, unchanged, close);
  if (is_one_group && !is_one_tap && s->ins <= 12) check_algorithm("im2col", im2col, p, unchanged, close);
  if (is_one_group && s->stride <= 2) {
    check_algorithm("bf16", bf16, p, to_bfloat, close);
    check_algorithm("bf16x2", bf16x2, p, unchanged, 1e-5);
    if (s->ins % (RT_INT8_VNNI * RT_BLOCK) == 0) check_algorithm("int8x3", int8x3, p, unchanged, 2e-6);
  }
  if (is_one_group && s->taps_height == 3 && s->taps_width == 3 && s->stride == 1 && s->out_stride == 1) {
    check_algorithm("F(4x4)", winograd4, p, unchanged, 1e-5);
    check_algorithm("F(2x2)", winograd2, p, unchanged, 3e-6);
    check_algorithm("F(4x4), windows", windows4, p, unchanged, 1e-5);
    check_algorithm("F(2x2), windows", windows2, p, unchanged, 3e-6);
    check_algorithm("F(4x4), windows, rotated", windows4_rotated, p, unchanged, 1e-5);
    check_algorithm("F(2x2), windows, rotated", windows2_rotated, p, unchanged, 3e-6);
    check_algorithm("F(4x4), rotated", winograd4_rotated, p, unchanged, 1e-5);
    check_algorithm("F(2x2), rotated", winograd2_rotated, p, unchanged, 3e-6);
    if (s->outs % RT_MR == 0) {
      check_algorithm("F(4x4), transposed", winograd4_transposed, p, unchanged, 1e-5);
      check_algorithm("F(2x2), transposed", winograd2_transposed, p, unchanged, 3e-6);
      check_algorithm("F(4x4), windows, transposed", windows4_transposed, p, unchanged, 1e-5);
      check_algorithm("F(2x2), windows, transposed", windows2_transposed, p, unchanged, 3e-6);
    }
    make_coarse(p);
    check_algorithm("F(4x4), bf16", winograd4_bf16, p, unchanged, 1e-6);
    check_algorithm("F(2x2), bf16", winograd2_bf16, p, unchanged, 1e-6);
  }
}

void check_convolutions(void) {
  const shape shapes[] = {
      /* images, inputs, outputs, map, window, stride, pad, groups, output stride, scaled */
      {1, 3, 4, 6, 5, 3, 3, 1, 1, 1, 1, false},    {2, 3, 40, 11, 9, 7, 7, 2, 3, 1, 1, true},
      {3, 17, 33, 7, 9, 1, 1, 1, 0, 1, 1, false},  {1, 64, 64, 5, 7, 1, 1, 1, 0, 1, 1, false},
      {2, 64, 20, 9, 8, 1, 1, 2, 0, 1, 1, true},   {1, 40, 96, 3, 3, 1, 1, 1, 0, 1, 1, false},
      {2, 16, 20, 8, 12, 3, 3, 1, 1, 1, 1, true},  {1, 70, 130, 9, 7, 3, 3, 1, 1, 1, 1, false},
      {2, 64, 32, 6, 5, 3, 3, 1, 1, 1, 1, false},  {2, 64, 64, 9, 10, 3, 3, 2, 1, 1, 1, false},
      {1, 2, 3, 5, 40, 3, 3, 1, 2, 1, 1, false},   {1, 20, 24, 1, 1, 3, 3, 1, 1, 1, 1, false},
      {2, 5, 6, 1, 9, 3, 3, 1, 1, 1, 1, false},    {1, 4, 6, 12, 10, 5, 2, 3, 2, 1, 1, false},
      {1, 24, 48, 6, 7, 3, 3, 1, 1, 4, 1, true},   {1, 40, 40, 5, 6, 3, 3, 2, 1, 40, 1, false},
      {1, 64, 80, 5, 4, 1, 1, 1, 0, 2, 1, false},  {2, 40, 33, 5, 6, 2, 2, 1, 1, 1, 2, false},
      {1, 64, 16, 4, 5, 2, 1, 1, 0, 1, 2, false},  {1, 2400, 64, 2, 3, 1, 1, 1, 0, 1, 1, false},
      {1, 544, 70, 5, 3, 3, 3, 2, 1, 1, 1, true},
  };
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (epilogue_kind kind = NOTHING; kind < EPILOGUES; kind++) {
      problem p = make_problem(&shapes[i], kind);
      check_problem(&p);
      release();
    }
}
