#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/* Channels of a block, side by side at each position: the 16 of nChw16c. */
enum { RT_BLOCK = 16 };

/* How the numbers that are multiplied are stored. A float of a low-precision format is cut to as many slices as the
   format's value tells. */
typedef enum rt_format {
  RT_F32 = 0,
  RT_BF16 = 1,   /* rounded to bfloat16 */
  RT_BF16X2 = 2, /* a bfloat16 and another of what rounding left: 16 bits of each float count */
  RT_INT8X3 = 3, /* an integer of 24 bits in three slices of int8, times a scale */
} rt_format;

static inline size_t rt_slices(rt_format format) { return (size_t)format; }

/* y = min(max(y, 0), ceiling).
     y         [count][16]
     ceiling   may be infinite
     mask      [count]: the ReLU mask, written if it is wanted */
void rt_relu(float *y, float ceiling, uint16_t *_Nullable mask, size_t count);
/* gradient = 0 where the mask's bits are not set.
     gradient   [count][16]
     mask       [count] */
void rt_relu_gradient(float *gradient, const uint16_t *mask, size_t count);

/* Reorders planes to one block of channels: scale x + shift of each channel, and zeros for the channels that there are
   not. Adds to what is there if `add`.
     out            [count][16]
     planes         [channels][count], planes `plane` floats apart, up to 16 channels
     scale, shift   [channels]; none: 1 and 0 */
void rt_planar_to_blocked(float *out, const float *planes, size_t plane, int32_t channels, size_t count,
                          const float *_Nullable scale, const float *_Nullable shift, bool add);
/* Reorders one block of channels to planes: scale x.
     planes   [channels][count], planes `plane` floats apart, up to 16 channels
     in       [count][16]
     scale    [channels]; none: 1 */
void rt_blocked_to_planar(float *planes, size_t plane, const float *in, int32_t channels, size_t count,
                          const float *_Nullable scale);

/* out = scale in + shift, or out += scale in + shift if `add`.
     out, in        [count][16]
     scale, shift   [16]; no shift: 0 */
void rt_channel_affine(float *out, const float *in, const float *scale, const float *_Nullable shift, bool add,
                       size_t count);

/* Adds a transposed matrix.
     out   [columns][rows], columns `out_stride` floats apart
     in    [rows][columns], rows `in_stride` floats apart */
void rt_add_transposed(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows, size_t columns);

#pragma clang assume_nonnull end

#endif
