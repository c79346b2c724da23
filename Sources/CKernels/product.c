#include "clones.h"
#include "finish.h"
#include "kernels.h"
#include "pairs.h"
#include "weights.h"

CLONES void rt_pack(float *restrict packed, const rt_weights *weights, int32_t channels) {
  const int32_t taps = weights->rows * weights->columns;
  for (int32_t i = 0; i < channels; i++)
    for (int32_t y = 0; y < weights->rows; y++)
      for (int32_t x = 0; x < weights->columns; x++)
        weights_of_input(packed + (size_t)((y * weights->columns + x) * channels + i) * RT_ROWS, weights, i, y, x);
  for (size_t term = (size_t)taps * (size_t)channels; term % RT_LANES != 0; term++)
    for (size_t o = 0; o < RT_ROWS; o++) packed[term * RT_ROWS + o] = 0;
}

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

void rt_places(const float **restrict from, size_t *restrict places, const float *input, const rt_window *window,
               size_t images, size_t first, size_t count, size_t positions_of_tile) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width, parts = (count + positions_of_tile - 1) / positions_of_tile;
  const size_t taps = (size_t)w.taps_height * (size_t)w.taps_width;
  const float *const outside = input + images * map * RT_LANES;
  position p = position_at(window, first);
  size_t done = 0;
  for (size_t part = 0; part < parts; part++) {
    const size_t of_tile = count * (part + 1) / parts - done;
    for (size_t k = 0; k < of_tile; k++, advance(&p, window)) {
      const size_t row = p.image * (size_t)w.out_height + (size_t)(p.y * w.spread + w.y);
      places[done + k] = (row * (size_t)w.out_width + (size_t)(p.x * w.spread + w.x)) * RT_LANES;
      const float *image = input + p.image * map * RT_LANES, **own = from + done * taps + k;
      const int32_t top = p.y * w.step + w.top, left = p.x * w.step + w.left;
      for (int32_t y = top; y < top + w.taps_height; y++)
        for (int32_t x = left; x < left + w.taps_width; x++, own += of_tile)
          *own = y < 0 || y >= w.height || x < 0 || x >= w.width
                     ? outside
                     : image + ((ptrdiff_t)y * w.width + x) * RT_LANES;
    }
    done += of_tile;
  }
}

CLONES WIDE void rt_gather(float *restrict out, const float *restrict input, const rt_window *window, size_t first,
                           size_t count, bool pairs) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width;
  const lanes zero = {0};
  lanes low = zero;
  position p = position_at(window, first);
  for (size_t k = 0; k < count; k++, advance(&p, window)) {
    const int32_t y = p.y * w.step + w.top, x = p.x * w.step + w.left;
    const bool inside = y >= 0 && y < w.height && x >= 0 && x < w.width;
    const lanes seen = inside ? *(const lanes *)(input + (p.image * map + (size_t)y * (size_t)w.width + (size_t)x) * LANES) : zero;
    if (!pairs)
      *(lanes *)(out + k * LANES) = seen;
    else if (k % 2 == 0)
      low = seen;
    else
      write_pairs(out + k / 2 * LANES, &low, &seen);
  }
  if (pairs && count % 2 == 1) write_pairs(out + count / 2 * LANES, &low, &zero);
}

typedef float quad __attribute__((vector_size(16), aligned(4)));

/* Writes over what follows too, a vector in all. */
INLINE void copy_channels(float *out, const float *line, int32_t channels) {
  if (channels <= 4)
    *(quad *)out = *(const quad *)line;
  else
    *(lanes *)out = *(const lanes *)line;
}

CLONES WIDE void rt_patches(float *restrict patches, const float *restrict input, int32_t channels,
                            const rt_window *window, size_t images, size_t first, size_t count, size_t depth) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width;
  const size_t terms = (size_t)channels * (size_t)w.taps_height * (size_t)w.taps_width;
  const float *const outside = input + images * map * RT_LANES;
  position p = position_at(window, first);
  for (size_t k = 0; k < count; k++, patches += depth, advance(&p, window)) {
    const float *image = input + p.image * map * RT_LANES;
    const int32_t top = p.y * w.step + w.top, left = p.x * w.step + w.left;
    float *out = patches;
    const int32_t end = left + w.taps_width, right = end < w.width ? end : w.width;
    for (int32_t y = top; y < top + w.taps_height; y++) {
      if (y < 0 || y >= w.height) {
        for (int32_t x = 0; x < w.taps_width; x++, out += channels) copy_channels(out, outside, channels);
        continue;
      }
      const float *line = image + (ptrdiff_t)y * w.width * RT_LANES;
      int32_t x = left;
      for (; x < 0 && x < end; x++, out += channels) copy_channels(out, outside, channels);
      for (; x < right; x++, out += channels) copy_channels(out, line + x * RT_LANES, channels);
      for (; x < end; x++, out += channels) copy_channels(out, outside, channels);
    }
    for (size_t i = terms; i < depth; i++) patches[i] = 0;
  }
}

enum { MOST_TERMS_OF_PAIRS = 2304 };

CLONES WIDE void rt_product(float *out, size_t out_step, const size_t *places, const float *weights,
                            const rt_transposed *transposed, const rt_terms *terms, size_t rows, size_t count,
                            bool more, const rt_finish *finish) {
  _Alignas(64) float sums[RT_PAIR_POSITIONS * 2 * RT_ROWS];
  _Static_assert(RT_SINGLE_POSITIONS <= 2 * RT_PAIR_POSITIONS, "sums of single blocks fit");
  const size_t most = rt_tile_positions(rows), parts = (count + most - 1) / most;
  const size_t depth = terms->taps * terms->blocks * RT_LANES, block = depth * RT_ROWS;
  /* Two blocks of very many terms would not stay in a core's second-level cache beside those that are brought near. */
  const size_t at_once = depth <= MOST_TERMS_OF_PAIRS ? 2 * RT_ROWS : RT_ROWS;
  for (size_t row = 0; row < rows; row += at_once) {
    const int32_t blocks = at_once > RT_ROWS && rows - row > RT_ROWS ? 2 : 1;
    const size_t vectors = vectors_left(rows - row, (size_t)blocks * RT_ROWS / LANES);
    const float *own = weights + row / RT_ROWS * block;
    rt_ahead next = {.weights = own + (size_t)blocks * block, .second = block, .step = RT_SQUARE};
    size_t second = block;
    if (transposed) {
      const float *squares = weights + row * RT_ROWS;
      next.weights = squares + blocks * RT_SQUARE;
      next.second = RT_SQUARE;
      next.step = transposed->ins * RT_ROWS;
      second = rt_transposed_blocks(transposed->block, squares, next.step, depth, blocks);
      own = transposed->block;
    }
    if (!more && row + (size_t)blocks * RT_ROWS >= rows) next.weights = NULL;
    const size_t moved = row / LANES * out_step;
    const rt_finish f = rt_finish_from(finish, moved);
    for (size_t part = 0; part < parts; part++) {
      const size_t first = count * part / parts, of_tile = count * (part + 1) / parts - first;
      const size_t *to = places + first;
      for (size_t p = 0; p < of_tile; p++)
        for (size_t v = 0; v < vectors; v++) fetch_lanes(out + moved, v * out_step + to[p], &f);
      rt_terms seen = *terms;
      seen.from += first * terms->taps;
      rt_tile(sums, own, second, blocks, &seen, of_tile, rt_ahead_of_pass(next, depth, part, parts));
      for (size_t p = 0; p < of_tile; p++)
        for (size_t v = 0; v < vectors; v++)
          finish_lanes(out + moved, v * out_step + to[p],
                       (const lanes *)(sums + p * (size_t)blocks * RT_ROWS + v * LANES), row + v * LANES, &f);
    }
  }
}
