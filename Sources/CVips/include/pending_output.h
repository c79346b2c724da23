/// The files that are being written and must not stay behind when a signal ends the program.
#ifndef PENDING_OUTPUT_H
#define PENDING_OUTPUT_H

#include <stdbool.h>

/// Lets children that are forked from now on note paths for this process as well, which can unlink them when a child is
/// gone. False where there is no memory for that.
bool pending_output_share(void);
/// Notes a path. Its slot, or -1 when all are taken or the path is too long.
int pending_output_add(const char *path);
/// Forgets what pending_output_add noted; -1 is ignored.
void pending_output_remove(int slot);
/// Unlinks all noted paths, and forgets them. Async-signal-safe.
void pending_output_unlink_all(void);

#endif
