#ifndef ALLOCATION_H
#define ALLOCATION_H

#include <stddef.h>

/// A request of at most so many bytes that is not granted ends the program; 0: none does.
extern size_t allocation_largest_fatal;

/// Heaps of single threads reserve address space that is not used: there are none from now on.
void allocation_share_one_heap(void);

#endif
