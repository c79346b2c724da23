#ifndef CLONES_H
#define CLONES_H

/* Marks a function that is compiled for several CPUs. */
#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES
#endif

#endif
