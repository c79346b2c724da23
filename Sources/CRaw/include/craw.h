/// Camera raw files with LibRaw, which is loaded when it is first needed.
///
/// Everything may be called from any thread, with one file by one thread at a time.
#ifndef CRAW_H
#define CRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull begin
#endif

/// A file whose header has been read.
typedef struct craw_file craw_file;

/// Whether LibRaw is there.
bool craw_is_available(void);

/// NULL: the file is damaged, of a camera that this LibRaw does not know, or there is not enough memory; problem says so.
/// The bytes must stay until craw_close.
craw_file *_Nullable craw_open(const void *bytes, size_t count, const char *_Nullable *_Nonnull problem);
void craw_close(craw_file *file);
/// Pixels across and down, as the sensor lies.
int craw_width(craw_file *file);
int craw_height(craw_file *file);

/// A picture that was developed.
typedef struct {
  int width, height;
  /// 1 or 3.
  int channels;
  const uint16_t *_Nullable samples;
  void *_Nullable memory;
} craw_picture;

/// Develops the picture with the camera's white balance, upright, in sRGB. False: it cannot be; problem says why.
bool craw_develop(craw_file *file, craw_picture *out, const char *_Nullable *_Nonnull problem);
/// Gives the memory of a picture back.
void craw_free(craw_picture *picture);

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull end
#endif
#endif
