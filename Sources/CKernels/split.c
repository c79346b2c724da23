#include "split.h"

#include "clones.h"
#include "finish.h"
#include "kernels.h"

/* What sixteen columns of the grid see of a line, which begins `x` columns into the map, as zeros outside. */
INLINE void see(lanes *out, const float *line, int32_t x, int32_t width, int32_t step) {
  const integers place = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const integers column = place * step + x;
  const lanes first = *(const lanes *)line;
  const lanes seen = step == 1 ? first : EVEN(first, *(const lanes *)(line + LANES));
  *out = (lanes)((integers)seen & (column >= 0) & (column < width));
}

INLINE void columns_of(uint32_t *pairs, const float *input, size_t plane, int32_t channels, const rt_window *w,
                       const rt_strip *strip, const rt_pairs *layout, int32_t step) {
  const int32_t half = RT_MANY_ROWS / 2, rows = strip->rows + (w->taps_height - 1) / step;
  const float *image = input + (size_t)strip->image * (size_t)w->height * (size_t)w->width;
  for (int32_t block = 0; block < channels; block += RT_MANY_ROWS)
    for (int32_t k = 0; k < half; k++) {
      const int32_t low = block + k, high = block + half + k;
      for (int32_t phase = 0; phase < step * step; phase++) {
        const int32_t down = phase / step, across = phase % step;
        if (down >= w->taps_height || across >= w->taps_width) continue;
        uint32_t *out =
            pairs + (size_t)(block / 2 + k) * layout->row_step + (size_t)phase * layout->phase_step;
        for (int32_t r = 0; r < rows; r++, out += layout->width) {
          const int32_t y = (strip->row + r) * step + w->top + down;
          const bool inside = y >= 0 && y < w->height;
          for (int32_t c = 0; c < layout->width; c += LANES) {
            const int32_t x = (strip->column + c) * step + w->left + across;
            const ptrdiff_t at = (ptrdiff_t)y * w->width + x;
            lanes a = {0}, b = {0};
            if (inside && low < channels) see(&a, image + (size_t)low * plane + at, x, w->width, step);
            if (inside && high < channels) see(&b, image + (size_t)high * plane + at, x, w->width, step);
            split(out + c, layout->part_step, &a, &b, layout->parts);
          }
        }
      }
    }
}

CLONES WIDE void rt_split_columns(uint32_t *pairs, const float *input, size_t plane, int32_t channels,
                                  const rt_window *window, const rt_strip *strip, const rt_pairs *layout) {
  if (window->step == 1)
    columns_of(pairs, input, plane, channels, window, strip, layout, 1);
  else
    columns_of(pairs, input, plane, channels, window, strip, layout, 2);
}

CLONES WIDE void rt_pack_words(uint32_t *words, const rt_weights *weights) {
  const rt_weights w = *weights;
  for (int32_t y = 0; y < w.rows; y++)
    for (int32_t x = 0; x < w.columns; x++)
      for (int32_t block = 0; block < w.ins; block += RT_MANY_ROWS)
        for (int32_t o = 0; o < RT_MANY_ROWS; o++, words += LANES) {
          lanes row[2] = {{0}};
          for (int32_t i = 0; i < RT_MANY_ROWS && o < w.outs && block + i < w.ins; i++)
            row[i / LANES][i % LANES] = rt_weight(&w, o, block + i, y, x);
          split(words, 0, &row[0], &row[1], 1);
        }
}

CLONES void rt_pack_squares(float *squares, const rt_weights *weights) {
  const rt_weights w = *weights;
  const int32_t ins = (w.ins + RT_MANY_ROWS - 1) / RT_MANY_ROWS * RT_MANY_ROWS;
  for (int32_t y = 0; y < w.rows; y++)
    for (int32_t x = 0; x < w.columns; x++)
      for (int32_t i = 0; i < ins; i++)
        for (int32_t o = 0; o < RT_MANY_ROWS; o++)
          *squares++ = o < w.outs && i < w.ins ? rt_weight(&w, o, i, y, x) : 0;
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

INLINE void split_square(uint32_t *rows, const float *square, int32_t parts) {
  for (size_t r = 0; r < RT_MANY_ROWS; r++, square += RT_MANY_ROWS, rows += LANES)
    split(rows, PART_WORDS, (const lanes *)square, (const lanes *)(square + LANES), parts);
}

/* Puts the lines of a strip side by side; there is room for a vector behind them. */
INLINE void join_lines(float *restrict out, const float *restrict sums, const rt_strip *strip, int32_t width) {
  for (int32_t r = 0; r < strip->rows; r++, out += strip->columns, sums += width)
    for (int32_t c = 0; c < strip->columns; c += LANES) *(lanes *)(out + c) = *(const lanes *)(sums + c);
}

INLINE void finish_strip(float *out, size_t stride, const float *sums, size_t sums_stride, size_t row, size_t rows,
                         const rt_strip *strip, int32_t width, float *lines, const rt_finish *finish) {
  const size_t count = (size_t)strip->rows * (size_t)strip->columns;
  for (size_t r = row; r < row + rows; r++, sums += sums_stride) {
    const float *joined = sums;
    if (strip->rows > 1 && width != strip->columns) {
      join_lines(lines, sums, strip, width);
      joined = lines;
    }
    finish_row(out, r * stride + strip->first, joined, finish->bias ? finish->bias[r] : 0, finish, count);
  }
}

CLONES WIDE void rt_split_product(float *out, size_t stride, const rt_squares *weights, size_t first_block, size_t rows,
                                  const uint32_t *pairs, const rt_pairs *layout, const rt_strip *strips,
                                  size_t strip_count, const rt_finish *finish, float *scratch) {
  const size_t depth = (size_t)layout->channel_blocks * (size_t)layout->taps;
  size_t panels = 0;
  for (size_t s = 0; s < strip_count; s++) panels += rt_strip_panels(&strips[s], layout);
  const size_t sums_stride = panels * RT_PANEL;
  const size_t parts = (size_t)layout->parts;
  uint32_t *parted = (uint32_t *)scratch;
  float *sums = scratch + RT_SPLIT_CHUNK * RT_SQUARE, *lines = sums + RT_MANY_ROWS * sums_stride;

  rt_matrix_begin();
  for (size_t row = 0; row < rows; row += RT_MANY_ROWS) {
    const size_t block = first_block + row / RT_MANY_ROWS;
    for (size_t k = 0; k < depth; k += RT_SPLIT_CHUNK) {
      const size_t count = depth - k < RT_SPLIT_CHUNK ? depth - k : RT_SPLIT_CHUNK;
      const bool last = k + count == depth, end = last && row + RT_MANY_ROWS >= rows;
      const size_t next = last ? 0 : k + count, next_block = last ? block + 1 : block;
      size_t offsets[RT_SPLIT_CHUNK];
      const uint32_t *squares[RT_SPLIT_CHUNK];
      const void *ahead[RT_SPLIT_CHUNK];
      for (size_t i = 0; i < count; i++) {
        const turn t = turn_at(layout, k + i), later = turn_at(layout, next + i < depth ? next + i : depth - 1);
        const size_t own = square_at(weights, block, t), other = end ? own : square_at(weights, next_block, later);
        offsets[i] = (size_t)layout->offsets[t.tap] + t.block * LANES * layout->row_step;
        if (weights->words) {
          squares[i] = weights->words + own * PART_WORDS;
          ahead[i] = weights->words + other * PART_WORDS;
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
          const rt_matrix_columns columns = {pairs + s * layout->strip_step + p * RT_PANEL, offsets, layout->row_step,
                                             layout->part_step};
          rt_matrix_panel(sums + panel * RT_PANEL, sums_stride, squares, &columns, count, layout->parts, k == 0,
                          panel == 0 && !end ? ahead : NULL);
        }
      }
    }
    const size_t some = rows - row < RT_MANY_ROWS ? rows - row : RT_MANY_ROWS;
    size_t panel = 0;
    for (size_t s = 0; s < strip_count; s++) {
      finish_strip(out, stride, sums + panel * RT_PANEL, sums_stride, row, some, &strips[s], layout->width, lines,
                   finish);
      panel += rt_strip_panels(&strips[s], layout);
    }
  }
  rt_matrix_end();
}
