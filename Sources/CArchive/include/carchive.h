/// Archives read from front to back with libarchive, which is loaded when it is first needed.
///
/// Call carchive_load and see it return NULL before anything else here. An archive is used by one thread at a time;
/// several may be read at once.
#ifndef CARCHIVE_H
#define CARCHIVE_H

#include <stddef.h>
#include <sys/types.h>

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull begin
#endif

typedef struct carchive carchive;

typedef enum {
  CARCHIVE_END,
  CARCHIVE_FILE,
  CARCHIVE_FOLDER,
  /// A symbolic or hard link to another member.
  CARCHIVE_LINK,
  /// Neither: a device, a pipe.
  CARCHIVE_OTHER,
  CARCHIVE_FAILED,
} carchive_kind;

/// Loads libarchive if it is not loaded yet. NULL, or why it cannot be loaded.
const char *_Nullable carchive_load(void);
/// An archive in a file, tar, zip, 7z, rar or cpio, compressed or not. NULL without memory. Whether the file can be
/// read comes out with its first member.
carchive *_Nullable carchive_open(const char *path);
void carchive_close(carchive *archive);
/// Goes to the next member.
carchive_kind carchive_next(carchive *archive);
/// The path of the member as bytes, mostly UTF-8; NULL if it has none. It lives until the next member.
const char *_Nullable carchive_path(carchive *archive);
/// Reads on in the member: the number of bytes, 0 at its end, below 0 when that failed.
ssize_t carchive_read(carchive *archive, void *out, size_t count);
/// What went wrong last, in libarchive's words.
const char *carchive_problem(carchive *archive);
/// Whether nothing can be read any more after a failure.
int carchive_is_broken(carchive *archive);

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull end
#endif
#endif
