#include "clones.h"
#include "kernels.h"
#include "vec16.h"
#include "vnni.h"

/* A position of the grid, over all images. */
typedef struct position {
  size_t image;
  int32_t y, x;
} position;

INLINE position position_at(const rt_window *w, size_t index) {
  const size_t row = index / (size_t)w->grid_width;
  return (position){.image = row / (size_t)w->grid_height, .y = (int32_t)(row % (size_t)w->grid_height),
                    .x = (int32_t)(index % (size_t)w->grid_width)};
}

INLINE void advance(position *p, const rt_window *w) {
  if (++p->x < w->grid_width) return;
  p->x = 0;
  if (++p->y < w->grid_height) return;
  p->y = 0;
  p->image++;
}

void rt_fill_indirection(const float **restrict pointers, size_t *restrict out_offsets, const float *input,
                         const rt_window *window, size_t images, size_t first, size_t count, size_t micro_tile) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width, micro_tiles = (count + micro_tile - 1) / micro_tile;
  const size_t taps = (size_t)w.taps_height * (size_t)w.taps_width;
  const float *const zero_pixel = input + images * map * RT_BLOCK;
  position p = position_at(window, first);
  size_t done = 0;
  for (size_t t = 0; t < micro_tiles; t++) {
    const size_t positions = count * (t + 1) / micro_tiles - done;
    for (size_t k = 0; k < positions; k++, advance(&p, window)) {
      const size_t row = p.image * (size_t)w.out_height + (size_t)(p.y * w.out_stride + w.out_y);
      out_offsets[done + k] = (row * (size_t)w.out_width + (size_t)(p.x * w.out_stride + w.out_x)) * RT_BLOCK;
      const float *image = input + p.image * map * RT_BLOCK, **own = pointers + done * taps + k;
      const int32_t top = p.y * w.stride + w.top, left = p.x * w.stride + w.left;
      for (int32_t y = top; y < top + w.taps_height; y++)
        for (int32_t x = left; x < left + w.taps_width; x++, own += positions)
          *own = y < 0 || y >= w.height || x < 0 || x >= w.width
                     ? zero_pixel
                     : image + ((ptrdiff_t)y * w.width + x) * RT_BLOCK;
    }
    done += positions;
  }
}

CLONES WIDE void rt_gather(float *restrict out, const float *restrict input, const rt_window *window, size_t first,
                           size_t count, rt_format format) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width;
  const vec16 zero = {0};
  vec16 low = zero;
  position p = position_at(window, first);
  for (size_t k = 0; k < count; k++, advance(&p, window)) {
    const int32_t y = p.y * w.stride + w.top, x = p.x * w.stride + w.left;
    const bool inside = y >= 0 && y < w.height && x >= 0 && x < w.width;
    const size_t at = p.image * map + (size_t)y * (size_t)w.width + (size_t)x;
    const vec16 seen = inside ? *(const vec16 *)(input + at * RT_BLOCK) : zero;
    if (format == RT_F32)
      *(vec16 *)(out + k * RT_BLOCK) = seen;
    else if (k % 2 == 0)
      low = seen;
    else
      write_bf16_pairs(out + k / 2 * RT_BLOCK, &low, &seen);
  }
  if (format != RT_F32 && count % 2 == 1) write_bf16_pairs(out + count / 2 * RT_BLOCK, &low, &zero);
}

typedef float quad __attribute__((vector_size(16), aligned(4)));

/* Copies whole vectors, so that what follows the channels is overwritten too. */
INLINE void copy_channels(float *out, const float *position, int32_t channels) {
  if (channels <= 4)
    *(quad *)out = *(const quad *)position;
  else
    *(vec16 *)out = *(const vec16 *)position;
}

CLONES WIDE void rt_im2col(float *restrict patches, const float *restrict input, int32_t channels,
                           const rt_window *window, size_t images, size_t first, size_t count, size_t depth) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width;
  const size_t filled = (size_t)channels * (size_t)w.taps_height * (size_t)w.taps_width;
  const float *const zero_pixel = input + images * map * RT_BLOCK;
  position p = position_at(window, first);
  for (size_t k = 0; k < count; k++, patches += depth, advance(&p, window)) {
    const float *image = input + p.image * map * RT_BLOCK;
    const int32_t top = p.y * w.stride + w.top, left = p.x * w.stride + w.left;
    float *out = patches;
    const int32_t end = left + w.taps_width, right = end < w.width ? end : w.width;
    for (int32_t y = top; y < top + w.taps_height; y++) {
      if (y < 0 || y >= w.height) {
        for (int32_t x = 0; x < w.taps_width; x++, out += channels) copy_channels(out, zero_pixel, channels);
        continue;
      }
      const float *row = image + (ptrdiff_t)y * w.width * RT_BLOCK;
      int32_t x = left;
      for (; x < 0 && x < end; x++, out += channels) copy_channels(out, zero_pixel, channels);
      for (; x < right; x++, out += channels) copy_channels(out, row + x * RT_BLOCK, channels);
      for (; x < end; x++, out += channels) copy_channels(out, zero_pixel, channels);
    }
    for (size_t i = filled; i < depth; i++) patches[i] = 0;
  }
}
