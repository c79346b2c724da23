#include "split.h"

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

/* Splits a square of [RT_ROWS outputs][RT_ROWS inputs]. */
INLINE void split_square(uint32_t *words, const float *square, int32_t parts) {
  for (size_t half = 0; half < 2; half++, square += LANES * RT_ROWS) {
    _Alignas(64) float low[LANES][LANES], high[LANES][LANES];
    transpose16(low[0], LANES, square, RT_ROWS);
    transpose16(high[0], LANES, square + LANES, RT_ROWS);
    for (size_t pair = 0; pair < LANES; pair++)
      split(words + half * HALF_WORDS + pair * LANES, PART_WORDS, (const lanes *)low[pair], (const lanes *)high[pair],
            parts);
  }
}

CLONES WIDE void rt_pack_words(uint32_t *words, const rt_weights *weights, int32_t parts) {
  for (int32_t y = 0; y < weights->rows; y++)
    for (int32_t x = 0; x < weights->columns; x++)
      for (int32_t block = 0; block < weights->ins; block += RT_ROWS, words += parts * PART_WORDS)
        for (int32_t pair = 0; pair < LANES; pair++) {
          _Alignas(64) float low[RT_ROWS], high[RT_ROWS];
          weights_of_input(low, weights, block + pair, y, x);
          weights_of_input(high, weights, block + pair + LANES, y, x);
          for (size_t half = 0; half < 2; half++)
            split(words + half * HALF_WORDS + (size_t)pair * LANES, PART_WORDS, (const lanes *)(low + half * LANES),
                  (const lanes *)(high + half * LANES), parts);
        }
}

/* What is multiplied k-th: taps side by side follow each other, since they see mostly the same. */
typedef struct turn {
  size_t tap, block; /* of channels */
} turn;

INLINE turn turn_at(const rt_pairs *layout, size_t k) {
  const size_t across = (size_t)layout->taps_width, blocks = (size_t)layout->channel_blocks;
  return (turn){.tap = k / (across * blocks) * across + k % across, .block = k / across % blocks};
}

INLINE size_t square_at(const rt_squares *w, size_t block, turn t) {
  return block * w->row_step + (size_t)w->taps[t.tap] * w->tap_step + t.block * w->channel_step;
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

CLONES WIDE void rt_split_product(float *out, size_t out_step, const rt_squares *weights, size_t first_block,
                                  size_t rows, const uint32_t *pairs, const rt_pairs *layout, const rt_window *window,
                                  const rt_strip *strips, size_t strip_count, const rt_finish *finish, float *scratch) {
  const size_t depth = (size_t)layout->channel_blocks * (size_t)layout->taps, parts = (size_t)layout->parts;
  uint32_t *parted = (uint32_t *)scratch;
  float *sums = scratch + RT_SPLIT_CHUNK * RT_SQUARE;

  rt_matrix_begin();
  for (size_t row = 0; row < rows; row += RT_ROWS) {
    const size_t block = first_block + row / RT_ROWS;
    const size_t left = (rows - row + LANES - 1) / LANES, vectors = left < RT_ROWS / LANES ? left : RT_ROWS / LANES;
    const size_t moved = row / LANES * out_step;
    const rt_finish f = rt_finish_from(finish, moved);
    for (size_t k = 0; k < depth; k += RT_SPLIT_CHUNK) {
      const size_t count = depth - k < RT_SPLIT_CHUNK ? depth - k : RT_SPLIT_CHUNK;
      const bool last = k + count == depth, end = last && row + RT_ROWS >= rows;
      const size_t next = last ? 0 : k + count, next_block = last ? block + 1 : block;
      size_t offsets[RT_SPLIT_CHUNK];
      const uint32_t *squares[RT_SPLIT_CHUNK];
      const void *ahead[RT_SPLIT_CHUNK];
      for (size_t i = 0; i < count; i++) {
        const turn t = turn_at(layout, k + i), later = turn_at(layout, next + i < depth ? next + i : depth - 1);
        const size_t own = square_at(weights, block, t), other = end ? own : square_at(weights, next_block, later);
        offsets[i] = layout->offsets[t.tap] + t.block * layout->block_step;
        if (weights->words) {
          squares[i] = weights->words + own * parts * PART_WORDS;
          ahead[i] = weights->words + other * parts * PART_WORDS;
        } else {
          split_square(parted + i * parts * PART_WORDS, weights->squares + own * RT_SQUARE, layout->parts);
          squares[i] = parted + i * parts * PART_WORDS;
          ahead[i] = weights->squares + other * RT_SQUARE;
        }
      }
      size_t panel = 0;
      for (size_t s = 0; s < strip_count; s++) {
        const size_t own = rt_strip_panels(&strips[s], layout);
        for (size_t p = 0; p < own; p++, panel++) {
          const rt_matrix_positions positions = {pairs + s * layout->strip_step + p * RT_PANEL * LANES, offsets,
                                                 layout->part_step};
          float *own_sums = sums + panel * RT_PANEL * RT_ROWS;
          rt_matrix_panel(own_sums, squares, &positions, count, layout->parts, k == 0,
                          panel == 0 && !end ? ahead : NULL);
          if (last)
            finish_panel(out + moved, out_step, own_sums, row, vectors, &strips[s], (int32_t)p * RT_PANEL,
                         layout->width, window, &f);
        }
      }
    }
  }
  rt_matrix_end();
}
