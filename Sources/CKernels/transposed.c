#include "clones.h"
#include "kernels.h"
#include "transpose.h"

CLONES WIDE void rt_transposed_block(float *restrict block, const float *restrict packed, size_t step, size_t depth) {
  for (size_t k = 0; k < depth; k += RT_ROWS, packed += step, block += RT_SQUARE)
    for (size_t r = 0; r < RT_ROWS; r += LANES)
      for (size_t c = 0; c < RT_ROWS; c += LANES)
        transpose16(block + c * RT_ROWS + r, RT_ROWS, packed + r * RT_ROWS + c, RT_ROWS);
}
