#include "include/pending_output.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 64 };
enum { FREE, FILLING, ARMED };

typedef struct table {
  char paths[SLOTS][PATH_MAX];
  atomic_int states[SLOTS];
} table;

static table own;
static table *pending = &own;

bool pending_output_share(void) {
  if (pending != &own) return true;
  void *shared = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return false;
  pending = shared;
  return true;
}

int pending_output_add(const char *path) {
  size_t size = strlen(path) + 1;
  if (size > PATH_MAX) return -1;
  for (int slot = 0; slot < SLOTS; slot++) {
    int expected = FREE;
    if (!atomic_compare_exchange_strong(&pending->states[slot], &expected, FILLING)) continue;
    memcpy(pending->paths[slot], path, size);
    atomic_store(&pending->states[slot], ARMED);
    return slot;
  }
  return -1;
}

void pending_output_remove(int slot) {
  if (slot >= 0) atomic_store(&pending->states[slot], FREE);
}

void pending_output_unlink_all(void) {
  int saved = errno;
  for (int slot = 0; slot < SLOTS; slot++)
    if (atomic_exchange(&pending->states[slot], FREE) == ARMED) unlink(pending->paths[slot]);
  errno = saved;
}
