#include "clones.h"
#include "kernels.h"
#include "vec16.h"

CLONES WIDE size_t rt_transpose_weights(float *restrict out, const float *restrict packed, size_t stride, size_t depth,
                                        int32_t row_blocks) {
  const size_t squares = (depth + RT_MR - 1) / RT_MR;
  for (size_t b = 0; b < (size_t)row_blocks; b++)
    for (size_t k = 0; k < squares; k++) {
      const float *square = packed + k * stride + b * RT_SQUARE;
      float *to = out + (b * squares + k) * RT_SQUARE;
      for (size_t r = 0; r < RT_MR; r += VEC16)
        for (size_t c = 0; c < RT_MR; c += VEC16)
          transpose16(to + c * RT_MR + r, RT_MR, square + r * RT_MR + c, RT_MR);
    }
  return squares * RT_SQUARE;
}
