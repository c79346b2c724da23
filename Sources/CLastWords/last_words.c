#include "include/last_words.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "allocation.h"

static char line[500];
static size_t length;
static void (*clean)(void);

// A crash with less than this left is taken for one for want of memory.
enum { LITTLE = 16 << 20 };

bool last_words_are_due(void) {
  int saved = errno;
  void *memory = mmap(NULL, LITTLE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) munmap(memory, LITTLE);
  errno = saved;
  return memory == MAP_FAILED;
}

void last_words_end(void) {
  // Several threads may find no memory at once.
  static atomic_flag begun = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&begun))
    for (;;) pause();
  if (clean) clean();
  for (size_t done = 0; done < length;) {
    ssize_t count = write(STDERR_FILENO, line + done, length - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += (size_t)count;
  }
  _exit(1);
}

static void on_crash(int number) {
  if (last_words_are_due()) last_words_end();
  // Something else was wrong: the same again, without a handler.
  signal(number, SIG_DFL);
  raise(number);
}

static void listen_for_crashes(void) {
  // The stack may be what cannot grow.
  static _Alignas(16) char stack[1 << 16];
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
  struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
}

void last_words_prepare(const char *text, void (*clean_up)(void)) {
  length = strnlen(text, sizeof line - 1);
  memcpy(line, text, length);
  line[length++] = '\n';
  clean = clean_up;
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  allocation_largest_fatal = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX / 2;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  listen_for_crashes();
  allocation_share_one_heap();
}
