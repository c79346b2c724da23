#include "check.h"

/* Kernels of feature maps: col2im, layout, pooling, batch normalisation. A block of channels is [count][16]. */

static void check_col2im_of(const rt_window *w, int32_t channels, int32_t top, int32_t bottom, int32_t first,
                            int32_t rows) {
  const size_t area = (size_t)(w->height * w->width), plane = area + 3, stride = (size_t)(rows * w->grid_width) + 2;
  const size_t taps = (size_t)(w->taps_height * w->taps_width), count = ((size_t)channels - 1) * plane + area;
  const float *products = random_floats(((size_t)channels * taps - 1) * stride + (size_t)(rows * w->grid_width));
  float *out = random_floats(count);
  float *lines = room((size_t)(rt_col2im_line(w) * w->stride) * sizeof *lines);
  double *wanted = doubles(count);
  for (size_t i = 0; i < count; i++) wanted[i] = out[i];
  for (int32_t c = 0; c < channels; c++)
    for (int32_t ty = 0; ty < w->taps_height; ty++)
      for (int32_t tx = 0; tx < w->taps_width; tx++)
        for (int32_t qy = first; qy < first + rows; qy++)
          for (int32_t qx = 0; qx < w->grid_width; qx++) {
            const int32_t y = qy * w->stride + w->top + ty, x = qx * w->stride + w->left + tx;
            const size_t row = (size_t)((c * w->taps_height + ty) * w->taps_width + tx);
            if (y >= top && y < bottom && x >= 0 && x < w->width)
              wanted[(size_t)c * plane + (size_t)(y * w->width + x)] +=
                  products[row * stride + (size_t)((qy - first) * w->grid_width + qx)];
          }
  rt_col2im(out, plane, channels, w, products, stride, first, rows, top, bottom, lines);
  begin("col2im of %dx%d, stride %d, rows %d to %d of %dx%d", w->taps_height, w->taps_width, w->stride, top, bottom,
        w->height, w->width);
  expect("sums", out, wanted, count, 1e-6);
}

void check_col2im(void) {
  const int32_t sizes[][5] = {{3, 3, 1, 1, 7}, {7, 7, 2, 3, 12}, {3, 2, 2, 0, 9}, {5, 4, 3, 2, 10}, {1, 1, 2, 0, 5}};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    const int32_t *size = sizes[s], stride = size[2], pad = size[3], height = size[4], width = height + 3;
    const rt_window w = {.height = height, .width = width, .grid_height = (height + 2 * pad - size[0]) / stride + 1,
                         .grid_width = (width + 2 * pad - size[1]) / stride + 1, .stride = stride, .top = -pad,
                         .left = -pad, .taps_height = size[0], .taps_width = size[1]};
    check_col2im_of(&w, 3, 0, height, 0, w.grid_height);
    check_col2im_of(&w, 2, 1, height - 1, 1, w.grid_height - 1);
    release();
  }
}

static const size_t counts[] = {1, 15, 16, 17, 50};
enum { COUNTS = sizeof counts / sizeof *counts };

static void check_relu(size_t count) {
  float *y = random_floats(count * RT_BLOCK), *gradient = random_floats(count * RT_BLOCK);
  uint16_t *mask = room(count * sizeof *mask);
  double *wanted = doubles(count * RT_BLOCK), *wanted_gradient = doubles(count * RT_BLOCK);
  for (size_t i = 0; i < count * RT_BLOCK; i++) {
    wanted[i] = fmax(y[i], 0);
    wanted_gradient[i] = y[i] > 0 ? gradient[i] : 0;
  }
  rt_relu(y, INFINITY, mask, count);
  rt_relu_gradient(gradient, mask, count);
  begin("ReLU of %zu positions", count);
  expect("values", y, wanted, count * RT_BLOCK, 0);
  expect("gradient", gradient, wanted_gradient, count * RT_BLOCK, 0);
}

static void check_reordering(size_t count, int32_t channels, bool add) {
  const size_t plane = count + 5, floats = ((size_t)channels - 1) * plane + count;
  const float *planes = random_floats(floats), *scale = random_floats((size_t)channels);
  const float *shift = add ? random_floats((size_t)channels) : NULL;
  float *blocked = random_floats(count * RT_BLOCK), *back = random_floats(floats);
  double *wanted = doubles(count * RT_BLOCK), *wanted_back = doubles(floats);
  for (size_t i = 0; i < count * RT_BLOCK; i++) {
    const size_t c = i % RT_BLOCK;
    wanted[i] = add ? blocked[i] : 0;
    if (c >= (size_t)channels) continue;
    wanted[i] += (double)planes[c * plane + i / RT_BLOCK] * (add ? scale[c] : 1);
    if (shift) wanted[i] += shift[c];
  }
  rt_planar_to_blocked(blocked, planes, plane, channels, count, add ? scale : NULL, shift, add);
  begin("%d planes of %zu, %s", channels, count, add ? "scaled and added" : "as they are");
  expect("blocked", blocked, wanted, count * RT_BLOCK, 1e-6);
  for (size_t i = 0; i < floats; i++) {
    const size_t c = i / plane, at = i % plane;
    wanted_back[i] = at < count ? (double)blocked[at * RT_BLOCK + c] * (add ? scale[c] : 1) : back[i];
  }
  rt_blocked_to_planar(back, plane, blocked, channels, count, add ? scale : NULL);
  expect("planar", back, wanted_back, floats, 1e-6);
}

static void check_channel_affine(size_t count, bool add) {
  const float *in = random_floats(count * RT_BLOCK), *scale = random_floats(RT_BLOCK);
  const float *shift = add ? random_floats(RT_BLOCK) : NULL;
  float *out = random_floats(count * RT_BLOCK);
  double *wanted = doubles(count * RT_BLOCK);
  for (size_t i = 0; i < count * RT_BLOCK; i++)
    wanted[i] = (add ? (double)out[i] + shift[i % RT_BLOCK] : 0) + (double)scale[i % RT_BLOCK] * in[i];
  rt_channel_affine(out, in, scale, shift, add, count);
  begin("channel affine of %zu positions", count);
  expect("values", out, wanted, count * RT_BLOCK, 1e-6);
}

void check_layout(void) {
  for (size_t i = 0; i < COUNTS; i++) {
    check_relu(counts[i]);
    for (int add = 0; add <= 1; add++) {
      check_channel_affine(counts[i], add);
      for (int32_t channels = 1; channels <= RT_BLOCK; channels++) check_reordering(counts[i], channels, add);
      release();
    }
  }
}

/* Of numbers so coarse that maxima are met several times. */
static void check_max_pool(size_t images, int32_t height, int32_t width, int32_t size, int32_t stride, int32_t pad) {
  const int32_t out_height = (height + 2 * pad - size) / stride + 1, out_width = (width + 2 * pad - size) / stride + 1;
  const size_t in_floats = images * (size_t)(height * width) * RT_BLOCK;
  const size_t out_floats = images * (size_t)(out_height * out_width) * RT_BLOCK;
  float *in = room(in_floats * sizeof *in), *out = random_floats(out_floats);
  for (size_t i = 0; i < in_floats; i++) in[i] = (float)(random_word() % 4) - 5;
  const float *gradient = random_floats(out_floats);
  float *gradient_in = random_floats(in_floats);
  double *wanted = doubles(out_floats), *wanted_gradient = doubles(in_floats);
  for (size_t i = 0; i < in_floats; i++) wanted_gradient[i] = gradient_in[i];
  for (size_t i = 0; i < out_floats; i++) {
    const size_t channel = i % RT_BLOCK, q = i / RT_BLOCK, image = q / (size_t)(out_height * out_width);
    const int32_t qy = (int32_t)(q / (size_t)out_width % (size_t)out_height), qx = (int32_t)(q % (size_t)out_width);
    size_t best = SIZE_MAX;
    for (int32_t y = qy * stride - pad; y < qy * stride - pad + size; y++)
      for (int32_t x = qx * stride - pad; x < qx * stride - pad + size; x++) {
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const size_t at = ((image * (size_t)height + (size_t)y) * (size_t)width + (size_t)x) * RT_BLOCK + channel;
        if (best == SIZE_MAX || in[at] > in[best]) best = at;
      }
    wanted[i] = in[best];
    wanted_gradient[best] += gradient[i];
  }
  const rt_pool pool = {images, height, width, out_height, out_width, size, size, stride, stride, pad, pad};
  rt_max_pool(out, in, &pool);
  rt_max_pool_gradient(gradient_in, gradient, in, &pool);
  begin("max pool %d, stride %d, pad %d of %dx%d", size, stride, pad, height, width);
  expect("values", out, wanted, out_floats, 0);
  expect("gradient", gradient_in, wanted_gradient, in_floats, 1e-6);
}

static void check_mean_pool(size_t count) {
  const float *in = random_floats(count * RT_BLOCK), *gradient = random_floats(RT_BLOCK);
  float *out = random_floats(RT_BLOCK), *gradient_in = random_floats(count * RT_BLOCK);
  double *wanted = doubles(RT_BLOCK), *wanted_gradient = doubles(count * RT_BLOCK);
  for (size_t i = 0; i < count * RT_BLOCK; i++) {
    wanted[i % RT_BLOCK] += in[i] / (double)count;
    wanted_gradient[i] = gradient_in[i] + gradient[i % RT_BLOCK] / (double)count;
  }
  rt_mean_pool(out, in, count);
  rt_mean_pool_gradient(gradient_in, gradient, count);
  begin("mean pool of %zu positions", count);
  expect("values", out, wanted, RT_BLOCK, 1e-6);
  expect("gradient", gradient_in, wanted_gradient, count * RT_BLOCK, 1e-6);
}

void check_pooling(void) {
  check_max_pool(2, 9, 12, 3, 2, 1);
  check_max_pool(1, 1, 1, 3, 2, 1);
  check_max_pool(2, 8, 7, 2, 2, 0);
  check_max_pool(1, 5, 4, 3, 1, 1);
  for (size_t i = 0; i < COUNTS; i++) check_mean_pool(counts[i]);
}

static void check_batch_norm_of(size_t count) {
  const size_t floats = count * RT_BLOCK;
  const float *in = random_floats(floats), *gradient = random_floats(floats), *mean = random_floats(RT_BLOCK);
  double sums[2 * RT_BLOCK], moments[2 * RT_BLOCK] = {0}, gradient_sums[2 * RT_BLOCK] = {0};
  for (size_t i = 0; i < floats; i++) {
    const size_t c = i % RT_BLOCK;
    moments[c] += in[i];
    moments[RT_BLOCK + c] += (double)in[i] * in[i];
    gradient_sums[c] += gradient[i];
    gradient_sums[RT_BLOCK + c] += gradient[i] * ((double)in[i] - mean[c]);
  }
  begin("batch norm of %zu positions", count);
  rt_batch_norm_moments(sums, in, count);
  for (size_t c = 0; c < 2 * RT_BLOCK; c++)
    expect_that("moments", fabs(sums[c] - moments[c]) <= 1e-6 * (double)count);
  rt_batch_norm_gradient_sums(sums, gradient, in, mean, count);
  for (size_t c = 0; c < 2 * RT_BLOCK; c++)
    expect_that("gradient sums", fabs(sums[c] - gradient_sums[c]) <= 1e-6 * (double)count);

  const float *factors = random_floats(3 * RT_BLOCK), *residual = random_floats(floats);
  double *wanted = doubles(floats), *rectified = doubles(floats), *wanted_gradient = doubles(floats);
  for (size_t i = 0; i < floats; i++) {
    const size_t c = i % RT_BLOCK;
    const double shift = factors[2 * RT_BLOCK + c];
    wanted[i] = (double)factors[c] * in[i] + shift;
    rectified[i] = fmax(wanted[i] + residual[i], 0);
    wanted_gradient[i] = (double)factors[c] * gradient[i] + (double)factors[RT_BLOCK + c] * in[i] + shift;
  }
  float *out = random_floats(floats), *in_place = copy_of(gradient, floats);
  uint16_t *mask = room(count * sizeof *mask);
  rt_batch_norm_apply(out, in, factors, factors + 2 * RT_BLOCK, NULL, 0, NULL, count);
  expect("values", out, wanted, floats, 1e-6);
  rt_batch_norm_apply(out, in, factors, factors + 2 * RT_BLOCK, residual, __builtin_inff(), mask, count);
  expect("values with residual and ReLU", out, rectified, floats, 1e-6);
  bool is_right = true;
  for (size_t i = 0; i < floats; i++) is_right = is_right && (mask[i / RT_BLOCK] >> i % RT_BLOCK & 1) == (out[i] > 0);
  expect_that("the ReLU mask tells what is above 0", is_right);
  rt_batch_norm_gradient(in_place, in_place, in, factors, count);
  expect("gradient", in_place, wanted_gradient, floats, 1e-6);
}

void check_batch_norm(void) {
  for (size_t i = 0; i < COUNTS; i++) check_batch_norm_of(counts[i]);
  check_batch_norm_of(600);
}
