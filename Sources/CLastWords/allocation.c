#include "allocation.h"

#include "include/last_words.h"

size_t allocation_largest_fatal;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_SANITIZER
#endif
#endif

#include <features.h>
#if defined(__GLIBC__)
#include <malloc.h>

void allocation_share_one_heap(void) { mallopt(M_ARENA_MAX, 1); }
#else
void allocation_share_one_heap(void) {}
#endif

#if defined(__GLIBC__) && !defined(HAS_SANITIZER)

#include <errno.h>
#include <stdint.h>

// The C library's own, whose memory its free takes back.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static inline void *granted(void *memory, size_t size) {
  if (__builtin_expect(memory || size > allocation_largest_fatal || !allocation_largest_fatal, 1)) return memory;
  last_words_end();
}

void *malloc(size_t size) { return granted(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) {
  size_t all;
  if (__builtin_mul_overflow(count, size, &all)) all = SIZE_MAX;
  return granted(__libc_calloc(count, size), all);
}

void *realloc(void *memory, size_t size) {
  void *moved = __libc_realloc(memory, size);
  // No bytes of what was there: it is freed.
  return size || !memory ? granted(moved, size) : moved;
}

void *aligned_alloc(size_t alignment, size_t size) { return granted(__libc_memalign(alignment, size), size); }

void *memalign(size_t alignment, size_t size) { return granted(__libc_memalign(alignment, size), size); }

int posix_memalign(void **out, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) || !alignment || alignment & (alignment - 1)) return EINVAL;
  int saved = errno;
  void *memory = granted(__libc_memalign(alignment, size), size);
  errno = saved;
  if (!memory) return ENOMEM;
  *out = memory;
  return 0;
}

#endif
