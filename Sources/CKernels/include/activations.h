#ifndef ACTIVATIONS_H
#define ACTIVATIONS_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/* What is applied to each value of a map; Swift's Activation gives the formulas. */
typedef enum rt_activation {
  RT_SILU,
  RT_GELU,
  RT_GELU_TANH,
  RT_SIGMOID,
  RT_HARD_SIGMOID,
  RT_HARD_SWISH,
  RT_TANH,
  RT_LEAKY_RELU,
} rt_activation;

/* out = f(in).
     out, in   [count][16]
     slope     of RT_LEAKY_RELU */
void rt_activate(rt_activation kind, float slope, float *out, const float *in, size_t count);
/* gradient_in = f'(in) gradient_out, or is added to if `add`.
     gradient_in, gradient_out, in   [count][16] */
void rt_activation_gradient(rt_activation kind, float slope, float *gradient_in, const float *gradient_out,
                            const float *in, bool add, size_t count);

#pragma clang assume_nonnull end

#endif
