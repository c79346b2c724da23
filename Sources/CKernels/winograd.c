#include "clones.h"
#include "finish.h"

/* The transforms are those of Lavin and Gray, with the points 0, 1, -1, 2, -2. */

/* G g for one column of three weights. */
#define WEIGHT_TRANSFORM(t, g0, g1, g2)            \
  do {                                             \
    const __auto_type even = (g0) + (g2);          \
    const __auto_type odd = (g1);                  \
    const __auto_type far = (g0) + 4 * (g2);       \
    const __auto_type twice = 2 * (g1);            \
    t[0] = (g0) * (1.0f / 4);                      \
    t[1] = (even + odd) * (-1.0f / 6);             \
    t[2] = (even - odd) * (-1.0f / 6);             \
    t[3] = (far + twice) * (1.0f / 24);            \
    t[4] = (far - twice) * (1.0f / 24);            \
    t[5] = (g2);                                   \
  } while (0)

/* RT_ROWS outputs side by side. */
typedef float outputs __attribute__((vector_size(4 * RT_ROWS), aligned(4)));

CLONES void rt_winograd_weights(float *restrict transformed, const rt_weights *weights) {
  const rt_weights w = *weights;
  const size_t plane = (size_t)w.ins * RT_ROWS;
  for (int32_t block = 0; block < w.outs; block += RT_ROWS, transformed += RT_WINOGRAD * plane)
    for (int32_t i = 0; i < w.ins; i++) {
      float taps[9][RT_ROWS] = {0};
      for (int32_t o = 0; o < RT_ROWS && block + o < w.outs; o++)
        for (int32_t y = 0; y < 3; y++)
          for (int32_t x = 0; x < 3; x++) taps[3 * y + x][o] = rt_weight(&w, block + o, i, y, x);
      const outputs *g = (const outputs *)taps;
      outputs columns[3][6], row[6];
      for (size_t x = 0; x < 3; x++) WEIGHT_TRANSFORM(columns[x], g[x], g[3 + x], g[6 + x]);
      float *out = transformed + (size_t)i * RT_ROWS;
      for (size_t y = 0; y < 6; y++) {
        WEIGHT_TRANSFORM(row, columns[0][y], columns[1][y], columns[2][y]);
        for (size_t x = 0; x < 6; x++) *(outputs *)(out + (y * 6 + x) * plane) = row[x];
      }
    }
}

/* B' d for six values. */
#define INPUT_TRANSFORM(t0, t1, t2, t3, t4, t5, d0, d1, d2, d3, d4, d5) \
  do {                                                                  \
    const __auto_type a = (d4) - 4 * (d2);                              \
    const __auto_type b = (d3) - 4 * (d1);                              \
    const __auto_type c = (d4) - (d2);                                  \
    const __auto_type d = 2 * ((d3) - (d1));                            \
    (t0) = 4 * (d0) - 5 * (d2) + (d4);                                  \
    (t1) = a + b;                                                       \
    (t2) = a - b;                                                       \
    (t3) = c + d;                                                       \
    (t4) = c - d;                                                       \
    (t5) = 4 * (d1) - 5 * (d3) + (d5);                                  \
  } while (0)

/* A' m for six values. */
#define OUTPUT_TRANSFORM(y0, y1, y2, y3, m0, m1, m2, m3, m4, m5)       \
  do {                                                                 \
    const __auto_type sum1 = (m1) + (m2);                              \
    const __auto_type difference1 = (m1) - (m2);                       \
    const __auto_type sum2 = (m3) + (m4);                              \
    const __auto_type difference2 = (m3) - (m4);                       \
    (y0) = (m0) + sum1 + sum2;                                         \
    (y1) = difference1 + 2 * difference2;                              \
    (y2) = sum1 + 4 * sum2;                                            \
    (y3) = difference1 + 8 * difference2 + (m5);                       \
  } while (0)

/* Consecutive tiles of one row of tiles. */
typedef struct run {
  size_t image;
  int32_t y, x;      /* of the first output */
  int32_t at, count; /* which of the panel's tiles */
} run;

static int32_t runs_of(run *runs, const rt_window *w, size_t first, size_t count) {
  const size_t across = (size_t)(w->grid_width + 3) / 4, down = (size_t)(w->grid_height + 3) / 4;
  int32_t number = 0;
  for (size_t done = 0; done < count;) {
    const size_t row = (first + done) / across, from = (first + done) % across;
    run *r = &runs[number++];
    r->image = row / down;
    r->y = (int32_t)(row % down) * 4;
    r->x = (int32_t)from * 4;
    r->at = (int32_t)done;
    r->count = (int32_t)(across - from < count - done ? across - from : count - done);
    done += (size_t)r->count;
  }
  return number;
}

/* Sixteen floats, which the compiler parts into registers of the CPU. */
typedef float lanes __attribute__((vector_size(64), aligned(4)));
enum { LANES = 16 };

/* The elements of two vectors at even places, and those at odd places. */
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)

/* The last vector overlaps the one before it. */
static inline __attribute__((always_inline)) void copy_line(float *restrict to, const float *restrict from,
                                                            int32_t count) {
  if (count < LANES) {
    for (int32_t i = 0; i < count; i++) to[i] = from[i];
    return;
  }
  for (int32_t i = 0; i + LANES <= count; i += LANES) *(lanes *)(to + i) = *(const lanes *)(from + i);
  *(lanes *)(to + count - LANES) = *(const lanes *)(from + count - LANES);
}

/* Four vectors become one line: the elements at place 0 of each, then those at place 1, ... */
static inline __attribute__((always_inline)) void interleave(float *line, const lanes *vectors) {
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23)
#define HIGH_PAIRS(a, b) __builtin_shufflevector(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31)
  const lanes low1 = LOW(vectors[0], vectors[1]), high1 = HIGH(vectors[0], vectors[1]);
  const lanes low2 = LOW(vectors[2], vectors[3]), high2 = HIGH(vectors[2], vectors[3]);
  lanes *to = (lanes *)line;
  to[0] = LOW_PAIRS(low1, low2);
  to[1] = HIGH_PAIRS(low1, low2);
  to[2] = LOW_PAIRS(high1, high2);
  to[3] = HIGH_PAIRS(high1, high2);
}

CLONES WIDE INLINE_COPIES void rt_winograd_input(float *restrict transformed, size_t depth, const float *restrict input,
                                            size_t plane, int32_t channels, const rt_window *window, size_t first,
                                            size_t count) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width, step = depth * RT_PANEL;
  run runs[RT_PANEL];
  const int32_t number = runs_of(runs, &w, first, count);
  /* The rows that a run of tiles sees. All are written before the first is read, which would have to wait else. */
  float seen[6][4 * RT_PANEL + 5 * LANES] = {0};
  /* [row of the tile][column][tile] */
  float values[6][6][RT_PANEL + LANES] = {0};
  lanes down[6][6];
  for (int32_t channel = 0; channel < channels; channel++) {
    for (int32_t k = 0; k < number; k++) {
      const run r = runs[k];
      const int32_t length = 4 * r.count + 2, x = r.x + w.left;
      const int32_t low = x < 0 ? (-x < length ? -x : length) : 0;
      const int32_t end = w.width - x < length ? w.width - x : length, high = end > low ? end : low;
      for (int32_t i = 0; i < 6; i++) {
        const int32_t y = r.y + w.top + i;
        const bool outside = y < 0 || y >= w.height;
        const float *in = input + (size_t)channel * plane + r.image * map + (outside ? 0 : (size_t)y * (size_t)w.width);
        float *line = seen[i];
        for (int32_t j = 0; j < low; j++) line[j] = 0;
        if (outside)
          for (int32_t j = low; j < high; j += LANES) *(lanes *)(line + j) = (lanes){0};
        else
          copy_line(line + low, in + x + low, high - low);
        for (int32_t j = high; j < length; j++) line[j] = 0;
      }
      for (int32_t i = 0; i < 6; i++) {
        /* Tile t has values 4 t ..< 4 t + 6. What is written beyond the run, the next one writes again. */
        for (int32_t t = 0; t < r.count; t += LANES)
          for (int32_t m = 0; m < 6; m += 4) {
            const lanes *from = (const lanes *)(seen[i] + 4 * t + m);
            const lanes even0 = EVEN(from[0], from[1]), even1 = EVEN(from[2], from[3]);
            const lanes odd0 = ODD(from[0], from[1]), odd1 = ODD(from[2], from[3]);
            float *to = values[i][m] + r.at + t;
            enum { COLUMN = RT_PANEL + LANES };
            *(lanes *)to = EVEN(even0, even1);
            *(lanes *)(to + COLUMN) = EVEN(odd0, odd1);
            if (m > 0) continue;
            *(lanes *)(to + 2 * COLUMN) = ODD(even0, even1);
            *(lanes *)(to + 3 * COLUMN) = ODD(odd0, odd1);
          }
      }
    }
    for (size_t t = 0; t < count; t += LANES) {
      for (size_t j = 0; j < 6; j++) {
        const lanes d0 = *(lanes *)&values[0][j][t], d1 = *(lanes *)&values[1][j][t];
        const lanes d2 = *(lanes *)&values[2][j][t], d3 = *(lanes *)&values[3][j][t];
        const lanes d4 = *(lanes *)&values[4][j][t], d5 = *(lanes *)&values[5][j][t];
        INPUT_TRANSFORM(down[0][j], down[1][j], down[2][j], down[3][j], down[4][j], down[5][j], d0, d1, d2, d3, d4, d5);
      }
      for (size_t i = 0; i < 6; i++) {
        float *to = transformed + i * 6 * step + (size_t)channel * RT_PANEL + t;
        lanes t0, t1, t2, t3, t4, t5;
        INPUT_TRANSFORM(t0, t1, t2, t3, t4, t5, down[i][0], down[i][1], down[i][2], down[i][3], down[i][4], down[i][5]);
        *(lanes *)to = t0;
        *(lanes *)(to + step) = t1;
        *(lanes *)(to + 2 * step) = t2;
        *(lanes *)(to + 3 * step) = t3;
        *(lanes *)(to + 4 * step) = t4;
        *(lanes *)(to + 5 * step) = t5;
      }
    }
  }
}

CLONES WIDE void rt_winograd_output(float *out, size_t plane, const float *weights, const float *inputs,
                               int32_t channels, size_t rows, const rt_window *window, size_t first, size_t count,
                               const rt_finish *finish) {
  const rt_window w = *window;
  const size_t map = (size_t)w.grid_height * (size_t)w.grid_width;
  const size_t depth = (size_t)channels;
  run runs[RT_PANEL];
  const int32_t number = runs_of(runs, &w, first, count);
  enum { TILE = RT_ROWS * RT_PANEL };
  _Alignas(64) float tiles[RT_WINOGRAD * TILE];
  float lines[4][4 * RT_PANEL];
  for (size_t block = 0; block < rows; block += RT_ROWS, weights += RT_WINOGRAD * depth * RT_ROWS) {
    for (size_t k = 0; k < RT_WINOGRAD; k++)
      rt_tile(tiles + k * TILE, weights + k * depth * RT_ROWS, inputs + k * depth * RT_PANEL, depth, count);
    for (size_t row = block; row < rows && row < block + RT_ROWS; row++) {
      const float *sums = tiles + (row - block) * RT_PANEL;
      for (size_t t = 0; t < count; t += LANES) {
        lanes down[4][6];
        for (size_t j = 0; j < 6; j++) {
          const float *m = sums + j * TILE + t;
#define SUM(i) (*(const lanes *)(m + 6 * (i) * TILE))
          OUTPUT_TRANSFORM(down[0][j], down[1][j], down[2][j], down[3][j], SUM(0), SUM(1), SUM(2), SUM(3), SUM(4),
                           SUM(5));
        }
        for (size_t i = 0; i < 4; i++) {
          lanes y[4];
          OUTPUT_TRANSFORM(y[0], y[1], y[2], y[3], down[i][0], down[i][1], down[i][2], down[i][3], down[i][4],
                           down[i][5]);
          interleave(lines[i] + 4 * t, y);
        }
      }
      for (int32_t k = 0; k < number; k++) {
        const run r = runs[k];
        const int32_t width = w.grid_width - r.x < 4 * r.count ? w.grid_width - r.x : 4 * r.count;
        for (int32_t i = 0; i < 4 && r.y + i < w.grid_height; i++) {
          const size_t at =
              row * plane + r.image * map + (size_t)(r.y + i) * (size_t)w.grid_width + (size_t)r.x;
          finish_row(out, at, lines[i] + 4 * r.at, finish->bias ? finish->bias[row] : 0, finish, (size_t)width);
        }
      }
    }
  }
}
