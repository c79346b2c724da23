#include "clones.h"
#include "kernels.h"
#include "transpose.h"

CLONES WIDE size_t rt_transposed_blocks(float *restrict out, const float *restrict packed, size_t step, size_t depth,
                                        int32_t blocks) {
  const size_t squares = (depth + RT_ROWS - 1) / RT_ROWS;
  for (size_t b = 0; b < (size_t)blocks; b++)
    for (size_t k = 0; k < squares; k++) {
      const float *square = packed + k * step + b * RT_SQUARE;
      float *to = out + (b * squares + k) * RT_SQUARE;
      for (size_t r = 0; r < RT_ROWS; r += LANES)
        for (size_t c = 0; c < RT_ROWS; c += LANES)
          transpose16(to + c * RT_ROWS + r, RT_ROWS, square + r * RT_ROWS + c, RT_ROWS);
    }
  return squares * RT_SQUARE;
}
