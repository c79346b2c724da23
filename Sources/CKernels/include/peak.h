#ifndef PEAK_H
#define PEAK_H

#include <stddef.h>

/* Sums and products of floats in registers alone, as many as this CPU makes: what it does at most.
     result   one sum, so that none is left out
   Returns the operations that were made, a product and a sum being two. */
size_t rt_multiply_in_registers(size_t repetitions, float *result);

#endif
