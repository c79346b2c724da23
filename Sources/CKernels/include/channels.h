#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/* Maps are [positions][16], one block of channels; `count` positions are worked on. */

/* out[i][c] = sources[c][16 (first + i)]: each of the 16 channels of a block from where it lies; none: 0.
     sources   [16]: the channel of the first position of the map */
void rt_gather_channels(float *out, const float *_Nullable const *_Nonnull sources, size_t first, size_t count);
/* The adjoint: targets[c][16 (first + i)] += in[i][c].
     targets   [16]; none: the channel is left out */
void rt_scatter_channels(float *_Nullable const *_Nonnull targets, const float *in, size_t first, size_t count);

/* out[i][c] = a[i][c] b[c], or is added to if `add`.
     b   [16] */
void rt_gate(float *out, const float *a, const float *b, bool add, size_t count);
/* sums[c] += sum over i of a[i][c] b[i][c]. */
void rt_add_products(float *sums, const float *a, const float *b, size_t count);
/* out = a b, or out += a b if `add`; [count] floats. */
void rt_product(float *out, const float *a, const float *b, bool add, size_t count);

#pragma clang assume_nonnull end

#endif
