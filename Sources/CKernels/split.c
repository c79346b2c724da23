#include "split.h"

#include "bytes.h"
#include "clones.h"
#include "finish.h"
#include "kernels.h"
#include "weights.h"

INLINE void positions_of(uint32_t *pairs, const float *input, size_t block_step, int32_t channels, const rt_window *w,
                         const rt_strip *strip, const rt_pairs *layout, int32_t step) {
  const int32_t rows = strip->rows + (w->taps_height - 1) / step;
  const float *image = input + (size_t)strip->image * (size_t)w->height * (size_t)w->width * LANES;
  const bool has_high = channels > LANES;
  const lanes zero = {0};
  for (int32_t phase = 0; phase < step * step; phase++) {
    const int32_t down = phase / step, across = phase % step;
    if (down >= w->taps_height || across >= w->taps_width) continue;
    uint32_t *out = pairs + (size_t)phase * layout->phase_step;
    for (int32_t r = 0; r < rows; r++) {
      const int32_t y = (strip->row + r) * step + w->top + down;
      const bool inside = y >= 0 && y < w->height;
      for (int32_t c = 0; c < layout->width; c++, out += LANES) {
        const int32_t x = (strip->column + c) * step + w->left + across;
        if (!inside || x < 0 || x >= w->width) {
          split(out, layout->part_step, &zero, &zero, layout->parts);
          continue;
        }
        const float *low = image + ((ptrdiff_t)y * w->width + x) * LANES;
        split(out, layout->part_step, (const lanes *)low, has_high ? (const lanes *)(low + block_step) : &zero,
              layout->parts);
      }
    }
  }
}

CLONES WIDE void rt_split_positions(uint32_t *pairs, const float *input, size_t step, int32_t channels,
                                    const rt_window *window, const rt_strip *strip, const rt_pairs *layout) {
  if (window->step == 1)
    positions_of(pairs, input, step, channels, window, strip, layout, 1);
  else
    positions_of(pairs, input, step, channels, window, strip, layout, 2);
}

/* Positions of a line that are seen at a time. */
enum { AT_ONCE = 32 };

/* Where those lie that are seen in row `y` of the map, from column `x` on. */
INLINE void seen_of_line(const float **from, const float *image, const float *outside, const rt_window *w, int32_t y,
                         int32_t x, int32_t count) {
  const bool inside = y >= 0 && y < w->height;
  for (int32_t i = 0; i < count; i++, x += w->step)
    from[i] = inside && x >= 0 && x < w->width ? image + ((ptrdiff_t)y * w->width + x) * LANES : outside;
}

INLINE void cut_line(uint32_t *out, const float *const *from, const float *factors, int32_t count, size_t step,
                     size_t vectors, const rt_pairs *layout) {
  for (size_t v = 0; v < vectors; v += RT_BYTE_VECTORS, out += layout->block_step)
    for (int32_t i = 0; i < count; i++) {
      lanes values[RT_BYTE_VECTORS];
      for (size_t k = 0; k < RT_BYTE_VECTORS; k++) values[k] = *(const lanes *)(from[i] + (v + k) * step);
      const lanes factor = (lanes){0} + factors[i];
      cut(out + i * LANES, layout->part_step, values, &factor);
    }
}

CLONES WIDE float rt_largest_seen(const float *input, size_t step, size_t vectors, const rt_window *window,
                                  const rt_strip *strip) {
  const rt_window w = *window;
  const float *image = input + (size_t)strip->image * (size_t)w.height * (size_t)w.width * LANES;
  const int32_t top = strip->row * w.step + w.top, left = strip->column * w.step + w.left;
  const int32_t bottom = top + (strip->rows - 1) * w.step + w.taps_height;
  const int32_t right = left + (strip->columns - 1) * w.step + w.taps_width;
  const int32_t first = left > 0 ? left : 0, end = right < w.width ? right : w.width;
  integers largest = {0};
  for (size_t v = 0; v < vectors; v++)
    for (int32_t y = top > 0 ? top : 0; y < bottom && y < w.height; y++)
      for (int32_t x = first; x < end; x++)
        keep_largest(&largest, image + v * step + ((ptrdiff_t)y * w.width + x) * LANES);
  return largest_lane(&largest);
}

CLONES WIDE void rt_byte_positions(uint32_t *pairs, float *factors, const float *input, size_t step, size_t vectors,
                                   const float *largest, const rt_window *window, const rt_strip *strip,
                                   const rt_pairs *layout) {
  const rt_window w = *window;
  const float *image = input + (size_t)strip->image * (size_t)w.height * (size_t)w.width * LANES;
  const float *const outside = input + step - LANES;
  const int32_t lines = strip->rows + (w.taps_height - 1) / w.step;
  const int32_t width = largest ? layout->width : strip->columns;
  float to_bytes[AT_ONCE];
  if (largest) {
    const size_t positions = factors ? rt_strip_panels(strip, layout) * RT_PANEL : 0;
    for (size_t p = 0; p < positions; p++) factors[p] = *largest * FACTOR_FROM_BYTES;
    for (size_t i = 0; i < AT_ONCE; i++) to_bytes[i] = factor_to_bytes(*largest);
  }
  for (int32_t phase = 0; phase < w.step * w.step; phase++) {
    const int32_t down = phase / w.step, across = phase % w.step;
    if (down >= w.taps_height || across >= w.taps_width) continue;
    for (int32_t r = 0; r < lines; r++)
      for (int32_t c = 0; c < width; c += AT_ONCE) {
        const float *from[AT_ONCE];
        const int32_t count = width - c < AT_ONCE ? width - c : AT_ONCE;
        const size_t at = (size_t)r * (size_t)layout->width + (size_t)c;
        seen_of_line(from, image, outside, &w, (strip->row + r) * w.step + w.top + down,
                     (strip->column + c) * w.step + w.left + across, count);
        if (!largest) {
          integers own[AT_ONCE] = {0};
          for (size_t v = 0; v < vectors; v++)
            for (int32_t i = 0; i < count; i++) keep_largest(&own[i], from[i] + v * step);
          for (int32_t i = 0; i < count; i++) {
            const float most = largest_lane(&own[i]);
            to_bytes[i] = factor_to_bytes(most);
            factors[at + (size_t)i] = most * FACTOR_FROM_BYTES;
          }
        }
        cut_line(pairs + (size_t)phase * layout->phase_step + at * LANES, from, to_bytes, count, step, vectors, layout);
      }
  }
}

/* The largest magnitudes of the rows lie behind the blocks. */
INLINE void pack_bytes(uint32_t *words, const rt_weights *weights) {
  enum { HALVES = RT_ROWS / LANES };
  integers largest[HALVES] = {0};
  lanes to_bytes[HALVES];
  _Alignas(64) float rows[RT_BYTE_VECTORS][RT_ROWS];
  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t x = 0; x < weights->columns; x++)
      for (int32_t in = 0; in < weights->ins; in++) {
        weights_of_input(rows[0], weights, in, y, x);
        for (size_t half = 0; half < HALVES; half++) keep_largest(&largest[half], rows[0] + half * LANES);
      }
  for (size_t r = 0; r < RT_ROWS; r++)
    to_bytes[r / LANES][r % LANES] = factor_to_bytes(((const lanes *)largest)[r / LANES][r % LANES]);

  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t block = 0; block < weights->ins; block += RT_BYTE_VECTORS * LANES)
      for (int32_t x = 0; x < weights->columns; x++, words += RT_BYTES * PART_WORDS)
        for (int32_t word = 0; word < LANES; word++) {
          for (int32_t v = 0; v < RT_BYTE_VECTORS; v++)
            weights_of_input(rows[v], weights, block + word + v * LANES, y, x);
          for (size_t half = 0; half < HALVES; half++) {
            lanes values[RT_BYTE_VECTORS];
            for (size_t v = 0; v < RT_BYTE_VECTORS; v++) values[v] = *(const lanes *)(rows[v] + half * LANES);
            cut(words + half * HALF_WORDS + (size_t)word * LANES, PART_WORDS, values, &to_bytes[half]);
          }
        }
  for (size_t half = 0; half < HALVES; half++) *(integers *)(words + half * LANES) = largest[half];
}

CLONES WIDE void rt_pack_words(uint32_t *words, const rt_weights *weights, int32_t parts) {
  if (parts == RT_BYTES) {
    pack_bytes(words, weights);
    return;
  }
  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t block = 0; block < weights->ins; block += RT_ROWS)
      for (int32_t x = 0; x < weights->columns; x++, words += parts * PART_WORDS)
        for (int32_t pair = 0; pair < LANES; pair++) {
          _Alignas(64) float low[RT_ROWS], high[RT_ROWS];
          weights_of_input(low, weights, block + pair, y, x);
          weights_of_input(high, weights, block + pair + LANES, y, x);
          for (size_t half = 0; half < 2; half++)
            split(words + half * HALF_WORDS + (size_t)pair * LANES, PART_WORDS, (const lanes *)(low + half * LANES),
                  (const lanes *)(high + half * LANES), parts);
        }
}

/* Blocks of weights that are multiplied at a time, at most. */
enum { CHUNK = 16 };

/* Of what block k of the weights is multiplied with. */
INLINE size_t offset_at(const rt_pairs *layout, size_t k) {
  const size_t across = (size_t)layout->taps_width, blocks = (size_t)layout->channel_blocks;
  const size_t tap = k / (across * blocks) * across + k % across, block = k / across % blocks;
  return layout->offsets[tap] + block * layout->block_step;
}

/* Finishes some vectors of rows, which begin with bias `row`, of a panel of a strip, `first` positions from its first
   one. */
INLINE void finish_panel(float *out, size_t out_step, const float *sums, size_t row, size_t vectors,
                         const rt_strip *strip, int32_t first, int32_t width, const rt_window *w,
                         const rt_finish *finish) {
  int32_t r = first / width, c = first % width;
  const size_t top = (size_t)strip->image * (size_t)w->out_height + (size_t)w->y;
  const size_t left = (size_t)(strip->column * w->spread + w->x);
  for (size_t p = 0; p < RT_PANEL && r < strip->rows; r++, c = 0) {
    const size_t line = top + (size_t)((strip->row + r) * w->spread);
    size_t at = (line * (size_t)w->out_width + left + (size_t)(c * w->spread)) * LANES;
    for (; p < RT_PANEL && c < strip->columns; p++, c++, at += (size_t)w->spread * LANES)
      for (size_t v = 0; v < vectors; v++)
        finish_lanes(out, v * out_step + at, (const lanes *)(sums + p * RT_ROWS + v * LANES), row + v * LANES, finish);
    /* What taps see beside the columns. */
    p += (size_t)(width - c);
  }
}

CLONES WIDE void rt_split_product(float *out, size_t out_step, const uint32_t *weights, size_t rows, bool more,
                                  const uint32_t *pairs, const rt_pairs *layout, const rt_window *window,
                                  const rt_strip *strips, size_t strip_count, const rt_finish *finish, float *sums) {
  const size_t depth = (size_t)layout->channel_blocks * (size_t)layout->taps, parts = (size_t)layout->parts;
  const bool bytes = parts == RT_BYTES;
  const size_t most = bytes ? CHUNK / 2 : CHUNK, panel_sums = rt_panel_sums(layout->parts);
  const size_t block_words = parts * PART_WORDS, row_words = rt_row_words(depth, layout->parts);
  size_t panels = 0;
  for (size_t s = 0; s < strip_count; s++) panels += rt_strip_panels(&strips[s], layout);

  rt_matrix_begin();
  for (size_t row = 0; row < rows; row += RT_ROWS, weights += row_words) {
    const size_t vectors = vectors_left(rows - row, RT_ROWS / LANES);
    const size_t moved = row / LANES * out_step;
    const rt_finish f = rt_finish_from(finish, moved);
    lanes factors[RT_ROWS / LANES];
    if (bytes)
      for (size_t half = 0; half < RT_ROWS / LANES; half++)
        factors[half] = *(const lanes *)(weights + depth * block_words + half * LANES) * FACTOR_FROM_BYTES;
    for (size_t k = 0; k < depth; k += most) {
      const size_t count = depth - k < most ? depth - k : most;
      const bool last = k + count == depth, end = last && row + RT_ROWS >= rows && !more;
      const uint32_t *first = weights + k * block_words;
      size_t offsets[CHUNK];
      for (size_t i = 0; i < count; i++) offsets[i] = offset_at(layout, k + i);
      size_t panel = 0;
      for (size_t s = 0; s < strip_count; s++) {
        const size_t own = rt_strip_panels(&strips[s], layout);
        const uint32_t *seen = pairs + s * layout->strip_step;
        const float *own_factors = (const float *)(seen + parts * layout->part_step);
        for (size_t p = 0; p < own; p++, panel++) {
          const rt_matrix_positions positions = {seen + p * RT_PANEL * LANES, offsets, layout->part_step};
          float *own_sums = sums + panel * panel_sums;
          /* All panels share the work, since memory is slower than one. */
          const rt_near near = {block_words * panel / panels / LANES * LANES,
                                block_words * (panel + 1) / panels / LANES * LANES};
          rt_matrix_panel(own_sums, first, &positions, count, layout->parts, k == 0, end ? NULL : &near);
          if (!last) continue;
          if (bytes) add_orders(own_sums, own_factors + p * RT_PANEL, factors);
          finish_panel(out + moved, out_step, own_sums, row, vectors, &strips[s], (int32_t)p * RT_PANEL,
                       layout->width, window, &f);
        }
      }
    }
  }
  rt_matrix_end();
}
