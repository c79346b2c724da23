#ifndef SUPERRES_VARIATION_H
#define SUPERRES_VARIATION_H

#include <stddef.h>

#pragma clang assume_nonnull begin

/* Pixels to each side whose differences from a pixel count. */
enum { SUPERRES_REACH = 2 };

/* One step down the gradient of the bilateral total variation (Farsiu et al. 2004) of an image in three planes,
     sum over pairs of pixels p, q up to SUPERRES_REACH apart of decay^distance * sqrt(|x(p) - x(q)|^2 + edge^2),
   with the colours together and the distance counted along rows and columns.
     out, x    [3][height][width]; they do not overlap
     step      length of the step
     scratch   [3][width] */
void superres_descend_variation(float *out, const float *x, size_t width, size_t height, float step, float decay,
                                float edge, float *scratch);

#pragma clang assume_nonnull end

#endif
