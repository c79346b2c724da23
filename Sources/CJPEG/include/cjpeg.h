/// JPEG as libjpeg's coefficients, which can be kept where nothing changed, and encoding as another file was encoded.
/// libjpeg is loaded when it is first needed.
///
/// A cjpeg is used by one thread at a time. After a function has failed all others do, but cjpeg_close.
#ifndef CJPEG_H
#define CJPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull begin
#endif

/// A file that was opened, and what is made after its pattern.
typedef struct cjpeg cjpeg;

typedef struct {
  int width, height;          ///< pixels, as they are stored
  int channels;               ///< 1 grey, 3 RGB, 4 CMYK as it is stored, 255 for no ink
  int mcu_width, mcu_height;  ///< pixels that one block of each component, or a few, stand for
  int quality;                ///< 1...100 as libjpeg counts it, told from the quantisation table of the luma; 0: there is none
} cjpeg_header;

/// Reads the header. The bytes must stay until cjpeg_close. NULL: libjpeg is missing, or cannot encode files of this kind.
cjpeg *_Nullable cjpeg_open(const void *bytes, size_t count);
cjpeg_header cjpeg_header_of(const cjpeg *jpeg);
void cjpeg_close(cjpeg *jpeg);

// The blocks of the file, some of them made anew (blocks.c)

/// Reads all coefficients: 2 bytes for each of them are held until cjpeg_close.
/// False where the data are damaged, or end too early.
bool cjpeg_read_blocks(cjpeg *jpeg);
/// Makes those blocks anew, with the file's tables, that stand for a pixel which changed.
///
/// The area begins at a multiple of the MCU's size, and ends at one or at the picture's edge. `pixels` and `changed`, 0
/// where a pixel is as it was, begin at its first pixel and have `stride` pixels from one row to the next.
bool cjpeg_replace(
  cjpeg *jpeg, int x, int y, int width, int height, const uint8_t *pixels, const uint8_t *changed, size_t stride);
/// A file of all blocks, which has of the segments of applications those of JFIF, which then comes first, and of Adobe
/// where the file has them: they tell of its colours. The bytes are the cjpeg's own.
const uint8_t *_Nullable cjpeg_write_blocks(cjpeg *jpeg, size_t *count);

// Another picture, encoded like the file (encode.c)

/// Begins a picture with the sampling and the mode of the file; `quality` is 1 to 100, or 0 for the file's tables.
bool cjpeg_start(cjpeg *jpeg, int width, int height, int quality);
/// The next rows, without gaps.
bool cjpeg_add_rows(cjpeg *jpeg, const uint8_t *pixels, int rows);
/// The file, as cjpeg_write_blocks gives it.
const uint8_t *_Nullable cjpeg_finish(cjpeg *jpeg, size_t *count);

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull end
#endif
#endif
