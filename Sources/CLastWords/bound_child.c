#include "include/bound_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

pid_t bound_child(void) {
  const pid_t parent = getpid(), child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended before that was asked for.
  if (getppid() != parent) raise(SIGTERM);
  return 0;
}
