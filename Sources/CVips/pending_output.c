#include "include/pending_output.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 64 };
enum { FREE, FILLING, ARMED };

static char paths[SLOTS][PATH_MAX];
static atomic_int states[SLOTS];

int pending_output_add(const char *path) {
  size_t size = strlen(path) + 1;
  if (size > PATH_MAX) return -1;
  for (int slot = 0; slot < SLOTS; slot++) {
    int expected = FREE;
    if (!atomic_compare_exchange_strong(&states[slot], &expected, FILLING)) continue;
    memcpy(paths[slot], path, size);
    atomic_store(&states[slot], ARMED);
    return slot;
  }
  return -1;
}

void pending_output_remove(int slot) {
  if (slot >= 0) atomic_store(&states[slot], FREE);
}

void pending_output_unlink_all(void) {
  int saved = errno;
  for (int slot = 0; slot < SLOTS; slot++)
    if (atomic_load(&states[slot]) == ARMED) unlink(paths[slot]);
  errno = saved;
}
