#include <string.h>

#include "clones.h"
#include "kernels.h"

CLONES void rt_pack(float *restrict packed, const rt_weights *weights) {
  const rt_weights w = *weights;
  for (int32_t block = 0; block < w.outs; block += RT_ROWS)
    for (int32_t i = 0; i < w.ins; i++)
      for (int32_t y = 0; y < w.rows; y++)
        for (int32_t x = 0; x < w.columns; x++) {
          const float *from = w.values + block * w.out_step + i * w.in_step + y * w.row_step + x * w.column_step;
          for (int32_t o = 0; o < RT_ROWS; o++) *packed++ = block + o < w.outs ? from[o * w.out_step] : 0;
        }
}

/* Part of one row of the grid: positions at..<at + count of a panel, grid columns from `x`. */
typedef struct segment {
  const float *row; /* what tap (0, 0) reads at grid column 0, were nothing outside */
  int32_t y, x;     /* the map's row at tap row 0; the map's column at tap column 0 of the first position */
  int32_t at, count;
} segment;

static int32_t segments_of(segment *segments, const float *input, const rt_window *w, size_t first, size_t count) {
  const size_t map = (size_t)w->height * (size_t)w->width;
  size_t row = first / (size_t)w->grid_width;
  int32_t from = (int32_t)(first % (size_t)w->grid_width), done = 0, number = 0;
  for (; done < (int32_t)count; row++, from = 0) {
    const size_t image = row / (size_t)w->grid_height;
    const int32_t left = w->grid_width - from, wanted = (int32_t)count - done;
    segment *s = &segments[number++];
    s->count = left < wanted ? left : wanted;
    s->at = done;
    s->y = (int32_t)(row % (size_t)w->grid_height) * w->step + w->top;
    s->x = from * w->step + w->left;
    s->row = input + image * map;
    done += s->count;
  }
  return number;
}

CLONES void rt_gather(float *restrict panels, const float *restrict input, size_t plane, int32_t channels,
                      const rt_window *window, size_t first, size_t count) {
  const rt_window w = *window;
  for (size_t done = 0; done < count; done += RT_PANEL) {
    const size_t inside = count - done < RT_PANEL ? count - done : RT_PANEL;
    segment segments[RT_PANEL];
    const int32_t number = segments_of(segments, input, &w, first + done, inside);
    for (int32_t channel = 0; channel < channels; channel++)
      for (int32_t ty = 0; ty < w.taps_height; ty++)
        for (int32_t tx = 0; tx < w.taps_width; tx++, panels += RT_PANEL) {
          if (inside < RT_PANEL) memset(panels, 0, RT_PANEL * sizeof *panels);
          for (int32_t k = 0; k < number; k++) {
            const segment *s = &segments[k];
            float *out = panels + s->at;
            const int32_t y = s->y + ty, x = s->x + tx;
            if (y < 0 || y >= w.height) {
              for (int32_t i = 0; i < s->count; i++) out[i] = 0;
              continue;
            }
            const float *in = s->row + (size_t)channel * plane + (ptrdiff_t)y * w.width;
            const bool within = x >= 0 && x + (s->count - 1) * w.step < w.width;
            if (within && w.step == 1 && s->count == RT_PANEL)
              memcpy(out, in + x, RT_PANEL * sizeof *out);
            else if (within && w.step == 1)
              for (int32_t i = 0; i < s->count; i++) out[i] = in[x + i];
            else
              for (int32_t i = 0; i < s->count; i++) {
                const int32_t column = x + i * w.step;
                out[i] = column >= 0 && column < w.width ? in[column] : 0;
              }
          }
        }
  }
}

/* Writes `count` finished values of one row. */
static inline __attribute__((always_inline)) void finish_row(float *restrict out, const float *restrict sums,
                                                             const float *restrict residual, float bias,
                                                             const rt_finish *finish, size_t count) {
  const float low = finish->relu ? 0 : -__builtin_inff();
  if (finish->accumulate) {
    for (size_t i = 0; i < count; i++) out[i] += sums[i];
  } else if (residual) {
    for (size_t i = 0; i < count; i++) {
      const float value = sums[i] + bias + residual[i];
      out[i] = value < low ? low : value;
    }
  } else {
    for (size_t i = 0; i < count; i++) {
      const float value = sums[i] + bias;
      out[i] = value < low ? low : value;
    }
  }
}

CLONES void rt_product(float *out, size_t stride, const float *packed, const float *panels, size_t depth, size_t rows,
                       size_t count, const rt_finish *finish) {
  _Alignas(64) float tile[RT_ROWS * RT_PANEL];
  for (size_t row = 0; row < rows; row += RT_ROWS, packed += RT_ROWS * depth)
    for (size_t at = 0; at < count; at += RT_PANEL) {
      rt_tile(tile, packed, panels + at * depth, depth);
      for (size_t r = row; r < rows && r < row + RT_ROWS; r++)
        finish_row(out + r * stride + at, tile + (r - row) * RT_PANEL,
                   finish->residual ? finish->residual + r * stride + at : NULL, finish->bias ? finish->bias[r] : 0,
                   finish, count - at < RT_PANEL ? count - at : RT_PANEL);
    }
}

CLONES void rt_scatter(float *restrict out, size_t plane, int32_t height, int32_t width, int32_t grid_height,
                       int32_t grid_width, int32_t spread, int32_t y, int32_t x, const float *restrict rows,
                       size_t row_count, size_t first, size_t count, bool accumulate) {
  for (size_t r = 0; r < row_count; r++, out += plane) {
    size_t grid_row = first / (size_t)grid_width;
    int32_t from = (int32_t)(first % (size_t)grid_width);
    for (size_t done = 0; done < count; grid_row++, from = 0) {
      const int32_t to = count - done < (size_t)(grid_width - from) ? from + (int32_t)(count - done) : grid_width;
      const size_t image = grid_row / (size_t)grid_height;
      const size_t qy = grid_row % (size_t)grid_height;
      float *line = out + (image * (size_t)height + qy * (size_t)spread + (size_t)y) * (size_t)width + x;
      if (accumulate) {
        for (int32_t q = from; q < to; q++) line[(size_t)q * (size_t)spread] += *rows++;
      } else {
        for (int32_t q = from; q < to; q++) line[(size_t)q * (size_t)spread] = *rows++;
      }
      done += (size_t)(to - from);
    }
  }
}

/* ---- Winograd. The transforms are those of Lavin and Gray, with the points 0, 1, -1, 2, -2. */

/* G g for one column of three weights. */
#define WEIGHT_TRANSFORM(t, g0, g1, g2)            \
  do {                                             \
    const float even = (g0) + (g2), odd = (g1);    \
    const float far = (g0) + 4 * (g2), twice = 2 * (g1); \
    t[0] = (g0) * (1.0f / 4);                      \
    t[1] = (even + odd) * (-1.0f / 6);             \
    t[2] = (even - odd) * (-1.0f / 6);             \
    t[3] = (far + twice) * (1.0f / 24);            \
    t[4] = (far - twice) * (1.0f / 24);            \
    t[5] = (g2);                                   \
  } while (0)

CLONES void rt_winograd_weights(float *restrict transformed, const rt_weights *weights) {
  const rt_weights w = *weights;
  const size_t plane = (size_t)w.ins * RT_ROWS;
  for (int32_t block = 0; block < w.outs; block += RT_ROWS, transformed += RT_WINOGRAD * plane)
    for (int32_t i = 0; i < w.ins; i++)
      for (int32_t o = 0; o < RT_ROWS; o++) {
        float *out = transformed + (size_t)i * RT_ROWS + (size_t)o;
        if (block + o >= w.outs) {
          for (size_t k = 0; k < RT_WINOGRAD; k++) out[k * plane] = 0;
          continue;
        }
        const float *g = w.values + (block + o) * w.out_step + i * w.in_step;
        float columns[3][6], row[6];
        for (int32_t x = 0; x < 3; x++) {
          const float *c = g + x * w.column_step;
          WEIGHT_TRANSFORM(columns[x], c[0], c[w.row_step], c[2 * w.row_step]);
        }
        for (size_t y = 0; y < 6; y++) {
          WEIGHT_TRANSFORM(row, columns[0][y], columns[1][y], columns[2][y]);
          for (size_t x = 0; x < 6; x++) out[(y * 6 + x) * plane] = row[x];
        }
      }
}

/* B' d for six values. */
#define INPUT_TRANSFORM(t0, t1, t2, t3, t4, t5, d0, d1, d2, d3, d4, d5) \
  do {                                                                  \
    const float a = (d4) - 4 * (d2), b = (d3) - 4 * (d1);               \
    const float c = (d4) - (d2), d = 2 * ((d3) - (d1));                 \
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
    const float sum1 = (m1) + (m2), difference1 = (m1) - (m2);         \
    const float sum2 = (m3) + (m4), difference2 = (m3) - (m4);         \
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

CLONES void rt_winograd_input(float *restrict transformed, const float *restrict input, size_t plane,
                              int32_t channels, const rt_window *window, size_t first, size_t count) {
  const rt_window w = *window;
  const size_t map = (size_t)w.height * (size_t)w.width;
  enum { LINE = 4 * RT_PANEL + 4 };
  run runs[RT_PANEL];
  const int32_t number = runs_of(runs, &w, first, count);
  float lines[6][LINE], down[6][LINE], apart[4][RT_PANEL + 1];
  for (int32_t channel = 0; channel < channels; channel++) {
    float *out = transformed + (size_t)channel * RT_PANEL;
    const size_t step = (size_t)channels * RT_PANEL;
    if (count < RT_PANEL)
      for (size_t k = 0; k < RT_WINOGRAD; k++)
        for (size_t t = count; t < RT_PANEL; t++) out[k * step + t] = 0;
    for (int32_t k = 0; k < number; k++) {
      const run r = runs[k];
      const int32_t length = 4 * r.count + 2, x = r.x + w.left;
      const int32_t low = x < 0 ? (-x < length ? -x : length) : 0;
      const int32_t end = w.width - x < length ? w.width - x : length, high = end > low ? end : low;
      for (int32_t i = 0; i < 6; i++) {
        const int32_t y = r.y + w.top + i;
        float *line = lines[i];
        if (y < 0 || y >= w.height) {
          memset(line, 0, (size_t)length * sizeof *line);
          continue;
        }
        const float *in = input + (size_t)channel * plane + r.image * map + (size_t)y * (size_t)w.width;
        for (int32_t j = 0; j < low; j++) line[j] = 0;
        for (int32_t j = low; j < high; j++) line[j] = in[x + j];
        for (int32_t j = high; j < length; j++) line[j] = 0;
      }
      for (int32_t j = 0; j < length; j++)
        INPUT_TRANSFORM(down[0][j], down[1][j], down[2][j], down[3][j], down[4][j], down[5][j], lines[0][j],
                        lines[1][j], lines[2][j], lines[3][j], lines[4][j], lines[5][j]);
      for (int32_t i = 0; i < 6; i++) {
        /* Tile t needs values 4 t ..< 4 t + 6: four kinds, of which two also come from the next tile. */
        for (int32_t t = 0; t < r.count; t++)
          for (int32_t m = 0; m < 4; m++) apart[m][t] = down[i][4 * t + m];
        apart[0][r.count] = down[i][4 * r.count];
        apart[1][r.count] = down[i][4 * r.count + 1];
        float *to = out + (size_t)i * 6 * step + r.at;
        for (int32_t t = 0; t < r.count; t++)
          INPUT_TRANSFORM(to[t], to[step + (size_t)t], to[2 * step + (size_t)t], to[3 * step + (size_t)t],
                          to[4 * step + (size_t)t], to[5 * step + (size_t)t], apart[0][t], apart[1][t], apart[2][t],
                          apart[3][t], apart[0][t + 1], apart[1][t + 1]);
      }
    }
  }
}

CLONES void rt_winograd_output(float *out, size_t plane, const float *weights, const float *inputs,
                               int32_t channels, size_t rows, const rt_window *window, size_t first, size_t count,
                               const rt_finish *finish) {
  const rt_window w = *window;
  const size_t map = (size_t)w.grid_height * (size_t)w.grid_width;
  const size_t depth = (size_t)channels;
  run runs[RT_PANEL];
  const int32_t number = runs_of(runs, &w, first, count);
  enum { TILE = RT_ROWS * RT_PANEL };
  _Alignas(64) float tiles[RT_WINOGRAD * TILE];
  float down[4][6][RT_PANEL], lines[4][4 * RT_PANEL];
  for (size_t block = 0; block < rows; block += RT_ROWS, weights += RT_WINOGRAD * depth * RT_ROWS) {
    for (size_t k = 0; k < RT_WINOGRAD; k++)
      rt_tile(tiles + k * TILE, weights + k * depth * RT_ROWS, inputs + k * depth * RT_PANEL, depth);
    for (size_t row = block; row < rows && row < block + RT_ROWS; row++) {
      const float *sums = tiles + (row - block) * RT_PANEL;
      for (size_t j = 0; j < 6; j++)
        for (size_t t = 0; t < RT_PANEL; t++)
          OUTPUT_TRANSFORM(down[0][j][t], down[1][j][t], down[2][j][t], down[3][j][t], sums[j * TILE + t],
                           sums[(6 + j) * TILE + t], sums[(12 + j) * TILE + t], sums[(18 + j) * TILE + t],
                           sums[(24 + j) * TILE + t], sums[(30 + j) * TILE + t]);
      for (size_t i = 0; i < 4; i++)
        for (size_t t = 0; t < RT_PANEL; t++)
          OUTPUT_TRANSFORM(lines[i][4 * t], lines[i][4 * t + 1], lines[i][4 * t + 2], lines[i][4 * t + 3],
                           down[i][0][t], down[i][1][t], down[i][2][t], down[i][3][t], down[i][4][t], down[i][5][t]);
      for (int32_t k = 0; k < number; k++) {
        const run r = runs[k];
        const int32_t width = w.grid_width - r.x < 4 * r.count ? w.grid_width - r.x : 4 * r.count;
        for (int32_t i = 0; i < 4 && r.y + i < w.grid_height; i++) {
          const size_t at =
              row * plane + r.image * map + (size_t)(r.y + i) * (size_t)w.grid_width + (size_t)r.x;
          finish_row(out + at, lines[i] + 4 * r.at, finish->residual ? finish->residual + at : NULL,
                     finish->bias ? finish->bias[row] : 0, finish, (size_t)width);
        }
      }
    }
  }
}
