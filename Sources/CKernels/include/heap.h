#ifndef HEAP_H
#define HEAP_H

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

/* Gives back what the heap holds and nobody uses. */
static inline void rt_trim_heap(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

#endif
