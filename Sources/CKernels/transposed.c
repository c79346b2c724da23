#include "clones.h"
#include "kernels.h"
#include "transpose.h"

CLONES WIDE void rt_transposed_block(float *restrict block, const float *restrict packed, size_t step, size_t depth,
                                     const float *next) {
  /* Squares that are brought near before their turn. */
  enum { AHEAD = 4 };
  const size_t squares = (depth + RT_MANY_ROWS - 1) / RT_MANY_ROWS;
  for (size_t k = 0; k < squares; k++, block += RT_MANY_ROWS * RT_MANY_ROWS) {
    const float *square = packed + k * step;
    const float *ahead = k + AHEAD < squares ? square + AHEAD * step : next ? next + (k + AHEAD - squares) * step : square;
    for (size_t r = 0; r < RT_MANY_ROWS; r += LANES)
      for (size_t c = 0; c < RT_MANY_ROWS; c += LANES) {
        for (size_t i = 0; i < LANES; i++) __builtin_prefetch(ahead + (r + i) * RT_MANY_ROWS + c, 0, 3);
        transpose16(block + c * RT_MANY_ROWS + r, RT_MANY_ROWS, square + r * RT_MANY_ROWS + c, RT_MANY_ROWS, LANES);
      }
  }
}
