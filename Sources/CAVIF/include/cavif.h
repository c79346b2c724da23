/// AVIF files with libavif, which is loaded when it is first needed: what libheif cannot write (10 bits, code points of
/// the colours) and does not tell (how chroma is sampled, how many frames there are).
///
/// Everything may be called from any thread.
#ifndef CAVIF_H
#define CAVIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull begin
#endif

/// What the header of a file says.
typedef struct {
  /// Bits of a channel: 8, 10 or 12.
  int depth;
  /// Whether each pixel has its own chroma (4:4:4).
  bool full_chroma;
  /// Pictures that follow each other; 1: a photo.
  int frames;
} cavif_header;

/// An image to be written.
typedef struct {
  int width, height;
  /// 3, or 4 with alpha that the colours are not multiplied with.
  int channels;
  /// [row][column][channel], in 0...65535.
  const uint16_t *_Nullable pixels;
  /// Bits of a channel in the file: 8, 10 or 12.
  int depth;
  bool full_chroma;
  /// Code points of ITU-T H.273: primaries, transfer characteristics, matrix coefficients.
  int primaries, transfer, matrix;
  /// 0...100, 100 being the best.
  int quality;
  /// 0...10, 10 being the fastest.
  int speed;
  /// NULL: there is none. EXIF begins with its TIFF header.
  const void *_Nullable profile, *_Nullable exif, *_Nullable xmp;
  size_t profile_count, exif_count, xmp_count;
} cavif_picture;

/// Whether libavif is there, in the version that this was compiled for.
bool cavif_is_available(void);
/// Reads the header of a file. False: it is none, or libavif is not there.
bool cavif_read_header(const void *bytes, size_t count, cavif_header *out);
/// The bytes of a file, to be given to free. NULL: it failed, and `problem` says why, in so many bytes.
void *_Nullable cavif_encode(const cavif_picture *picture, size_t *count, char *problem, size_t problem_size);

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull end
#endif
#endif
