#include "check.h"

/* The micro-kernels and panel kernels as written for each kind of CPU, as far as this one can execute them. */

static float half_of(float pair, bool high) {
  uint32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  bits = high ? bits & 0xffff0000 : bits << 16;
  memcpy(&pair, &bits, sizeof pair);
  return pair;
}

static double product(float x, float y, rt_format format) {
  if (format == RT_F32) return (double)x * y;
  return (double)half_of(x, false) * half_of(y, false) + (double)half_of(x, true) * half_of(y, true);
}

/* Random words of two bfloat16. */
static float *random_pairs(size_t count) {
  float *made = random_floats(count);
  for (size_t i = 0; i < count; i++) {
    uint32_t low, high;
    const float other = random_float();
    memcpy(&low, &other, sizeof low);
    memcpy(&high, &made[i], sizeof high);
    high = (high & 0xffff0000) | low >> 16;
    memcpy(&made[i], &high, sizeof high);
  }
  return made;
}

static void check_micro_kernel(const rt_micro_kernel_variant *variant, size_t taps, size_t blocks, int32_t row_blocks,
                               rt_format format) {
  enum { STARTS = 100 };
  const size_t depth = taps * blocks * RT_BLOCK, height = (size_t)row_blocks * RT_MR;
  const size_t block_stride = 7 * RT_BLOCK + 3, row_block_stride = depth * RT_MR + 5;
  const size_t last = blocks > 0 ? (blocks - 1) * block_stride + RT_BLOCK : 0;
  float *(*const make)(size_t) = format == RT_F32 ? random_floats : random_pairs;
  const float *weights = make((size_t)(row_blocks - 1) * row_block_stride + depth * RT_MR);
  const float *columns = make(STARTS + last);
  for (size_t count = 1; count <= rt_micro_tile_positions(height); count++) {
    const float **pointers = room(taps * count * sizeof *pointers);
    for (size_t i = 0; i < taps * count; i++) pointers[i] = columns + random_word() % (STARTS + 1);
    float *sums = random_floats(height * count);
    double *wanted = doubles(height * count);
    for (size_t p = 0; p < count; p++)
      for (size_t r = 0; r < height; r++)
        for (size_t k = 0; k < depth; k++) {
          const size_t tap = k / (blocks * RT_BLOCK), channel = k % (blocks * RT_BLOCK);
          wanted[p * height + r] +=
              product(weights[r / RT_MR * row_block_stride + k * RT_MR + r % RT_MR],
                      pointers[tap * count + p][channel / RT_BLOCK * block_stride + channel % RT_BLOCK], format);
        }
    const rt_indirection input = {pointers, taps, blocks, block_stride, format, false};
    const rt_prefetch all = {.weights = weights, .row_block_stride = row_block_stride, .square_stride = RT_SQUARE};
    variant->kernel(sums, weights, row_block_stride, row_blocks, &input, count,
                    rt_prefetch_of_pass(all, depth, count % 3, count));
    begin("micro-kernel %s, %zu taps, %zu blocks, %d row blocks, %zu positions, format %d", variant->name, taps, blocks,
          row_blocks, count, (int)format);
    expect("sums", sums, wanted, height * count, 1e-6);
  }
  release();
}

void check_micro_kernels(void) {
  const size_t sizes[][2] = {{0, 1}, {1, 0}, {1, 1}, {1, 5}, {9, 1}, {4, 3}};
  size_t count;
  const rt_micro_kernel_variant *variants = rt_micro_kernel_variants(&count);
  for (size_t v = 0; v < count; v++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (int32_t row_blocks = 1; row_blocks <= 2; row_blocks++) {
        check_micro_kernel(&variants[v], sizes[s][0], sizes[s][1], row_blocks, RT_F32);
        check_micro_kernel(&variants[v], sizes[s][0], sizes[s][1], row_blocks, RT_BF16);
      }
}

enum { SLICE = RT_SQUARE / 2, PANEL_SUMS = RT_PANEL * RT_MR };

static double product_of_words(uint32_t x, uint32_t y, rt_format format) {
  if (format == RT_INT8X3) {
    double sum = 0;
    for (int b = 0; b < RT_INT8_VNNI; b++) sum += (int8_t)(x >> 8 * b) * (int8_t)(y >> 8 * b);
    return sum;
  }
  float pairs[2];
  memcpy(&pairs[0], &x, sizeof x);
  memcpy(&pairs[1], &y, sizeof y);
  return product(pairs[0], pairs[1], RT_BF16);
}

/* The sum of the products of slices i and j of a panel's position and row. */
static double product_of_slices(const uint32_t *weights, const rt_panel_columns *columns, size_t k_blocks,
                                rt_format format, size_t i, size_t j, size_t position, size_t row) {
  double sum = 0;
  for (size_t k = 0; k < k_blocks; k++)
    for (size_t l = 0; l < RT_BLOCK; l++)
      sum += product_of_words(
          weights[(k * rt_slices(format) + i) * SLICE + (row / RT_BLOCK * RT_BLOCK + l) * RT_BLOCK + row % RT_BLOCK],
          columns->packed[columns->offsets[k] + j * columns->slice_stride + position * RT_BLOCK + l], format);
  return sum;
}

static void check_panel_kernel(const rt_panel_kernel_variant *variant, rt_format format, size_t k_blocks, bool anew) {
  const size_t slices = rt_slices(format), block_stride = (RT_PANEL + 1) * RT_BLOCK;
  const size_t slice_stride = k_blocks * block_stride, sums_count = rt_panel_sum_floats(format);
  const uint32_t *weights = (const uint32_t *)random_pairs(k_blocks * slices * SLICE);
  const uint32_t *packed = (const uint32_t *)random_pairs(slices * slice_stride - RT_BLOCK);
  size_t *offsets = room(k_blocks * sizeof *offsets);
  for (size_t k = 0; k < k_blocks; k++) offsets[k] = (k_blocks - 1 - k) * block_stride;
  const rt_panel_columns columns = {packed, offsets, slice_stride};
  float *sums = random_floats(sums_count);
  double *wanted = doubles(sums_count);
  for (size_t at = 0; at < sums_count; at++) {
    const size_t order = at / PANEL_SUMS, position = at % PANEL_SUMS / RT_MR, row = at % RT_MR;
    if (format == RT_INT8X3) {
      const int32_t before = (int32_t)(random_word() >> 8) - (1 << 23);
      memcpy(&sums[at], &before, sizeof before);
      if (!anew) wanted[at] = before;
      for (size_t i = 0; i <= order; i++)
        wanted[at] += product_of_slices(weights, &columns, k_blocks, format, i, order - i, position, row);
    } else {
      if (!anew) wanted[at] = sums[at];
      for (size_t i = 0; i < slices; i++)
        for (size_t j = 0; i + j < slices; j++)
          wanted[at] += product_of_slices(weights, &columns, k_blocks, format, i, j, position, row);
    }
  }
  const rt_panel_prefetch prefetch = {0, slices * SLICE};
  rt_amx_begin();
  variant->kernel(sums, weights, &columns, k_blocks, format, anew, anew ? NULL : &prefetch);
  rt_amx_end();
  begin("panel kernel %s, format %d, %zu K-blocks, %s", variant->name, (int)format, k_blocks,
        anew ? "anew" : "continued");
  if (format != RT_INT8X3) {
    expect("sums", sums, wanted, sums_count, 2e-6);
  } else {
    bool exact = true;
    for (size_t at = 0; at < sums_count; at++) {
      int32_t sum;
      memcpy(&sum, &sums[at], sizeof sum);
      exact = exact && sum == wanted[at];
    }
    expect_that("integer sums are exact", exact);
  }
  release();
}

void check_panel_kernels(void) {
  const rt_format formats[] = {RT_BF16, RT_BF16X2, RT_INT8X3};
  const size_t k_blocks[] = {1, 3};
  size_t count;
  const rt_panel_kernel_variant *variants = rt_panel_kernel_variants(&count);
  for (size_t v = 0; v < count; v++)
    for (size_t f = 0; f < 3; f++)
      for (size_t k = 0; k < 2; k++)
        for (int anew = 0; anew <= 1 && rt_slices(formats[f]) <= variants[v].max_slices; anew++)
          check_panel_kernel(&variants[v], formats[f], k_blocks[k], anew);
}
