#ifndef CLONES_H
#define CLONES_H

#ifndef __has_feature
#define __has_feature(name) 0
#endif

/* Marks a function that is compiled for several CPUs. The choice is made before a thread sanitizer is ready for it. */
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

/* Lets vectors of 64 bytes be one register where the CPU has such. */
#if defined(__clang__) && defined(__x86_64__)
#define WIDE __attribute__((min_vector_width(512)))
#else
#define WIDE
#endif

#if defined(__clang__)
/* As in kernels.h, for what is defined before that. */
#pragma clang fp contract(fast)
#endif

/* Made part of each of the variants that call it. */
#define INLINE static inline __attribute__((always_inline))

/* Keeps short copies as loops, which end sooner than a call of memcpy. */
#if defined(__clang__)
#define INLINE_COPIES __attribute__((no_builtin("memcpy", "memset", "memmove")))
#else
#define INLINE_COPIES
#endif

#endif
