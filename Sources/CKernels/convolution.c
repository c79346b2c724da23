#include <stddef.h>

#include "clones.h"
#include "finish.h"
#include "kernels.h"
#include "transpose.h"

CLONES void rt_pack(float *restrict packed, const rt_weights *weights, int32_t block) {
  const rt_weights w = *weights;
  for (int32_t first = 0; first < w.outs; first += block)
    for (int32_t i = 0; i < w.ins; i++)
      for (int32_t y = 0; y < w.rows; y++)
        for (int32_t x = 0; x < w.columns; x++)
          for (int32_t o = 0; o < block; o++)
            *packed++ = first + o < w.outs ? rt_weight(&w, first + o, i, y, x) : 0;
}

/* Taps side by side for which vectors are made ready. */
enum { MOST_TAPS = 8 };

/* Eight of `new`, from the one on, at even places and what is old at odd ones. */
#define BETWEEN(new, old, from)                                                                                   \
  __builtin_shufflevector(new, old, from, 17, from + 1, 19, from + 2, 21, from + 3, 23, from + 4, 25, from + 5, 27, \
                          from + 6, 29, from + 7, 31)

/* Part of one row of the grid: positions at..<at + count of a panel. */
typedef struct segment {
  const float *map; /* of the image, in the first channel */
  int32_t y, x;     /* the map's row and column that tap (0, 0) reads at the first position */
  int32_t at, count;
} segment;

static int32_t segments_of(segment *segments, const float *input, const rt_window *w, size_t first, size_t count) {
  const size_t map = (size_t)w->height * (size_t)w->width;
  size_t row = first / (size_t)w->grid_width;
  int32_t from = (int32_t)(first % (size_t)w->grid_width), done = 0, number = 0;
  for (; done < (int32_t)count; row++, from = 0) {
    const int32_t left = w->grid_width - from, wanted = (int32_t)count - done;
    segment *s = &segments[number++];
    s->map = input + row / (size_t)w->grid_height * map;
    s->y = (int32_t)(row % (size_t)w->grid_height) * w->step + w->top;
    s->x = from * w->step + w->left;
    s->at = done;
    s->count = left < wanted ? left : wanted;
    done += s->count;
  }
  return number;
}

INLINE void gather_plain(float *restrict panels, const float *restrict input, size_t plane, int32_t channels,
                         size_t count) {
  for (size_t done = 0; done < count; done += RT_PANEL) {
    const size_t inside = count - done < RT_PANEL ? count - done : RT_PANEL;
    const float *in = input + done;
    for (int32_t channel = 0; channel < channels; channel++, in += plane, panels += RT_PANEL) {
      if (inside == RT_PANEL) {
        for (size_t i = 0; i < RT_PANEL; i++) panels[i] = in[i];
      } else {
        for (size_t i = 0; i < inside; i++) panels[i] = in[i];
        for (size_t i = inside; i < RT_PANEL; i++) panels[i] = 0;
      }
    }
  }
}

/* What a panel sees where the step is 1 or 2, by vectors that may begin before a segment and end behind it. */
INLINE void gather_vectors(float *restrict panel, size_t plane, int32_t channels, const rt_window *w,
                           const segment *segments, int32_t number, int32_t step) {
  const integers place = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int32_t k = 0; k < number; k++) {
    const segment s = segments[k];
    for (int32_t at = s.at; at < s.at + s.count; at += LANES) {
      /* The last vector ends with the panel. */
      const int32_t start = at < RT_PANEL - LANES ? at : RT_PANEL - LANES, before = start - s.at;
      const integers i = place + before, own = i >= 0;
      integers inside[MOST_TAPS];
      for (int32_t tx = 0; tx < w->taps_width; tx++) {
        const integers x = i * step + (s.x + tx);
        inside[tx] = (i < s.count) & (x >= 0) & (x < w->width);
      }
      const float *map = s.map;
      float *out = panel + start;
      for (int32_t channel = 0; channel < channels; channel++, map += plane)
        for (int32_t ty = 0; ty < w->taps_height; ty++) {
          const int32_t y = s.y + ty;
          const bool outside = y < 0 || y >= w->height;
          const float *in = map + (outside ? 0 : (ptrdiff_t)y * w->width) + s.x + before * step;
          for (int32_t tx = 0; tx < w->taps_width; tx++, in++, out += RT_PANEL) {
            const lanes first = *(const lanes *)in;
            const lanes seen = step == 1 ? first : EVEN(first, *(const lanes *)(in + LANES));
            integers bits = outside ? (integers){0} : (integers)seen & inside[tx];
            if (before < 0) bits = (bits & own) | (*(const integers *)out & ~own);
            *(integers *)out = bits;
          }
        }
    }
  }
}

/* The same for any step. */
INLINE void gather_singly(float *restrict panel, size_t plane, int32_t channels, const rt_window *w,
                          const segment *segments, int32_t number) {
  for (int32_t k = 0; k < number; k++) {
    const segment s = segments[k];
    float *out = panel + s.at;
    const float *map = s.map;
    for (int32_t channel = 0; channel < channels; channel++, map += plane)
      for (int32_t ty = 0; ty < w->taps_height; ty++)
        for (int32_t tx = 0; tx < w->taps_width; tx++, out += RT_PANEL) {
          const int32_t y = s.y + ty;
          for (int32_t i = 0; i < s.count; i++) {
            const int32_t x = s.x + tx + i * w->step;
            const bool outside = y < 0 || y >= w->height || x < 0 || x >= w->width;
            out[i] = outside ? 0 : map[(ptrdiff_t)y * w->width + x];
          }
        }
  }
}

CLONES WIDE INLINE_COPIES void rt_gather(float *restrict panels, const float *restrict input, size_t plane,
                                         int32_t channels, const rt_window *window, size_t first, size_t count) {
  const rt_window w = *window;
  if (rt_is_plain(window)) {
    gather_plain(panels, input + first, plane, channels, count);
    return;
  }
  const size_t depth = (size_t)channels * (size_t)w.taps_height * (size_t)w.taps_width;
  for (size_t done = 0; done < count; done += RT_PANEL, panels += depth * RT_PANEL) {
    const size_t inside = count - done < RT_PANEL ? count - done : RT_PANEL;
    segment segments[RT_PANEL];
    const int32_t number = segments_of(segments, input, &w, first + done, inside);
    if (w.step == 1 && w.taps_width <= MOST_TAPS)
      gather_vectors(panels, plane, channels, &w, segments, number, 1);
    else if (w.step == 2 && w.taps_width <= MOST_TAPS)
      gather_vectors(panels, plane, channels, &w, segments, number, 2);
    else
      gather_singly(panels, plane, channels, &w, segments, number);
    for (size_t k = 0; k < depth && inside < RT_PANEL; k++)
      for (size_t i = inside; i < RT_PANEL; i++) panels[k * RT_PANEL + i] = 0;
  }
}

/* Asks for part `part` of `parts` of a block of floats to be brought near. */
static inline void fetch(const float *block, size_t floats, size_t part, size_t parts) {
  const size_t first = floats * part / parts, end = floats * (part + 1) / parts;
  for (size_t i = first; i < end; i += 16) __builtin_prefetch(block + i, 0, 2);
}

/* Finishes the part of a row that lies in one panel. */
INLINE void finish_part(float *out, size_t at, const float *sums, size_t row, size_t count, const rt_finish *finish) {
  const float bias = finish->bias ? finish->bias[row] : 0;
  if (count == RT_PANEL)
    finish_row(out, at, sums, bias, finish, RT_PANEL);
  else
    finish_row(out, at, sums, bias, finish, count);
}

/* Brings near what finishing `rows` rows of a panel from `at` on will read. */
INLINE void fetch_finish(const float *out, size_t at, size_t stride, size_t rows, const rt_finish *finish) {
  const float *read[3] = {finish->accumulate ? out : NULL, finish->residual, finish->mask};
  for (int k = 0; k < 3; k++)
    if (read[k])
      for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < RT_PANEL; i += LANES) __builtin_prefetch(read[k] + at + r * stride + i, 0, 3);
}

CLONES WIDE void rt_product(float *out, size_t stride, const float *packed, const float *panels, size_t depth,
                            size_t rows, size_t count, const rt_finish *finish) {
  _Alignas(64) float tile[RT_ROWS * RT_PANEL];
  const size_t block = RT_ROWS * depth, parts = (count + RT_PANEL - 1) / RT_PANEL;
  for (size_t row = 0; row < rows; row += RT_ROWS, packed += block)
    for (size_t at = 0; at < count; at += RT_PANEL) {
      const size_t inside = count - at < RT_PANEL ? count - at : RT_PANEL;
      fetch_finish(out, row * stride + at, stride, rows - row < RT_ROWS ? rows - row : RT_ROWS, finish);
      if (row + RT_ROWS < rows) fetch(packed + block, block, at / RT_PANEL, parts);
      rt_tile(tile, packed, panels + at * depth, depth, inside);
      for (size_t r = row; r < rows && r < row + RT_ROWS; r++)
        finish_part(out, r * stride + at, tile + (r - row) * RT_PANEL, r, inside, finish);
    }
}

INLINE void product_many_rows(float *out, size_t stride, const float *weights, const rt_transposed *transposed,
                              const float *panels, size_t depth, size_t rows, size_t count,
                              const rt_finish *finish) {
  _Static_assert(RT_MANY_ROWS == RT_PANEL, "tiles are square");
  enum { POSITIONS = 8 };
  _Alignas(64) float tile[RT_PANEL * RT_MANY_ROWS] = {0}, sums[RT_MANY_ROWS * RT_PANEL];
  const size_t block = RT_MANY_ROWS * depth, passes = (count + POSITIONS - 1) / POSITIONS;
  for (size_t row = 0; row < rows; row += RT_MANY_ROWS) {
    const float *packed = weights + row / RT_MANY_ROWS * block, *next = packed + block;
    size_t step = RT_SQUARE, pass = 0;
    if (transposed) {
      const float *own = weights + row * RT_MANY_ROWS;
      step = transposed->ins * RT_MANY_ROWS;
      rt_transposed_block(transposed->block, own, step, depth);
      packed = transposed->block;
      next = row + RT_MANY_ROWS < rows ? own + RT_SQUARE : NULL;
    }
    for (size_t at = 0; at < count; at += RT_PANEL) {
      const size_t inside = count - at < RT_PANEL ? count - at : RT_PANEL;
      const size_t parts = (inside + POSITIONS - 1) / POSITIONS;
      for (size_t part = 0; part < parts; part++, pass++) {
        const size_t first = inside * part / parts, end = inside * (part + 1) / parts;
        rt_tile_many_rows(tile + first * RT_MANY_ROWS, packed, panels + at * depth + first, depth, end - first,
                          rt_ahead_of_pass(next, step, depth, pass, passes));
      }
      for (size_t p = 0; p < inside; p += LANES)
        for (size_t r = 0; r < RT_MANY_ROWS; r += LANES)
          transpose16(sums + r * RT_PANEL + p, RT_PANEL, tile + p * RT_MANY_ROWS + r, RT_PANEL, LANES);
      for (size_t r = row; r < rows && r < row + RT_MANY_ROWS; r++)
        finish_part(out, r * stride + at, sums + (r - row) * RT_PANEL, r, inside, finish);
    }
  }
}

CLONES WIDE void rt_product_many_rows(float *out, size_t stride, const float *packed, const float *panels, size_t depth,
                                      size_t rows, size_t count, const rt_finish *finish) {
  product_many_rows(out, stride, packed, NULL, panels, depth, rows, count, finish);
}

CLONES WIDE void rt_product_transposed(float *out, size_t stride, const float *weights, const rt_transposed *transposed,
                                       const float *panels, size_t depth, size_t rows, size_t count,
                                       const rt_finish *finish) {
  product_many_rows(out, stride, weights, transposed, panels, depth, rows, count, finish);
}

/* out[step q] of q from..<end, beginning with rows[0]. */
INLINE void scatter_line(float *out, int32_t step, const float *restrict rows, int32_t from, int32_t end,
                         bool accumulate) {
  int32_t q = from;
  if (step == 2) {
    /* What lies between is written back as it was; nothing else is at work there. */
    for (; q + LANES < end; q += LANES, rows += LANES) {
      lanes *low = (lanes *)(out + 2 * (ptrdiff_t)q), *high = low + 1;
      const lanes a = *low, b = *high;
      lanes new = *(const lanes *)rows;
      if (accumulate) new += EVEN(a, b);
      *low = BETWEEN(new, a, 0), *high = BETWEEN(new, b, 8);
    }
  }
  for (; q < end; q++, rows++) {
    float *place = out + (ptrdiff_t)q * step;
    *place = accumulate ? *place + *rows : *rows;
  }
}

CLONES WIDE void rt_scatter(float *restrict out, size_t plane, int32_t height, int32_t width, int32_t grid_height,
                            int32_t grid_width, int32_t spread, int32_t y, int32_t x, const float *restrict rows,
                            size_t row_count, size_t first, size_t count, bool accumulate) {
  /* Of the map's positions from (y, x) on, in steps of the spread; the grid may be larger. */
  const int32_t down = (height - y + spread - 1) / spread, across = (width - x + spread - 1) / spread;
  for (size_t r = 0; r < row_count; r++, out += plane) {
    size_t grid_row = first / (size_t)grid_width;
    int32_t from = (int32_t)(first % (size_t)grid_width);
    for (size_t done = 0; done < count; grid_row++, from = 0) {
      const int32_t to = count - done < (size_t)(grid_width - from) ? from + (int32_t)(count - done) : grid_width;
      const size_t image = grid_row / (size_t)grid_height;
      const size_t qy = grid_row % (size_t)grid_height;
      float *line = out + (image * (size_t)height + qy * (size_t)spread + (size_t)y) * (size_t)width + x;
      const int32_t end = (int32_t)qy >= down ? from : to < across ? to : across;
      scatter_line(line, spread, rows, from, end, accumulate);
      rows += to - from;
      done += (size_t)(to - from);
    }
  }
}
