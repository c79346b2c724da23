#ifndef SPIN_H
#define SPIN_H

/* Tells the CPU that this is a spinning wait. */
static inline void rt_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
