/// A copy of this process that does not outlive it.
#ifndef BOUND_CHILD_H
#define BOUND_CHILD_H

#include <sys/types.h>

/// fork(2). The child gets SIGTERM when the thread ends that called this, or its process. To be called while no other
/// thread holds what the child needs.
/// Returns 0 in the child, its number in the parent, or -1 with errno set.
pid_t bound_child(void);

#endif
