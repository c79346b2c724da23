#ifndef PROBLEM_H
#define PROBLEM_H

#include "check.h"

/* A feature map [C/16][N*H*W + 1][16], with zeros for the channels that there are not and in the zero pixel. */
typedef struct map {
  size_t images, channels, blocks, block_stride, floats;
  int32_t height, width;
  float *values;
} map;

/* Random numbers. */
map make_map(size_t images, size_t channels, int32_t height, int32_t width);
size_t place_in(const map *m, size_t channel, size_t image, int32_t y, int32_t x);

typedef struct shape {
  int32_t images, ins, outs, height, width, taps_height, taps_width, stride, pad, groups;
  int32_t out_stride; /* Above 1, each position of the grid is written so far apart, from row 1 and column 0 on. */
  bool is_scaled;     /* Weights come with a scale of each output. */
} shape;

typedef enum epilogue_kind { NOTHING, BIAS_RESIDUAL_RELU, ACCUMULATE, ACCUMULATE_AND_KEEP, EPILOGUES } epilogue_kind;

/* A convolution with its numbers. */
typedef struct problem {
  shape shape;
  rt_window window;
  map in, out;          /* `out` before the convolution is written to it */
  const float *weights; /* [outs][ins / groups][row][column] */
  const float *scale;   /* [outs], or none */
  rt_epilogue epilogue; /* without a place for the ReLU mask */
} problem;

problem make_problem(const shape *s, epilogue_kind kind);
/* Replaces all operands by numbers that Winograd's transforms turn to such as bfloat16 holds, so that nothing is
   rounded away: -1, 0 or 1, times 24 x 24 in the weights, which come without scales then. */
void make_coarse(problem *p);
void begin_problem(const char *algorithm, const problem *p);

/* The weights for RT_MR outputs from `row` on and for the inputs from `first_in` on, as the kernels take them.
     rotated   by 180 degrees
     swapped   whether inputs are the outputs, as for the gradient's convolution */
rt_weights weights_of_rows(const problem *p, int32_t row, int32_t first_in, bool rotated, bool swapped);

/* The output, of operands that are rounded first. */
double *convolve(const problem *p, float (*rounded)(float));

/* The gradient [outs][ins / groups][row][column] of the weights, `p->out` being the gradient of the output. */
double *weight_gradient(const problem *p, float (*rounded)(float));

#endif
