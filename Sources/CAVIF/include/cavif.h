/// AVIF files with libavif, which is loaded when it is first needed: what libheif cannot write (10 bits, code points of
/// the colours, animations), does not read (the frames of animations) and does not tell (how chroma is sampled).
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
  int width, height;
  /// Bits of a channel: 8, 10 or 12.
  int depth;
  /// Whether each pixel has its own chroma (4:4:4).
  bool full_chroma;
  /// Pictures that follow each other; 1: a photo.
  int frames;
  bool has_alpha;
  /// How often all frames are shown; 0: without end, or the library does not know.
  int loops;
  /// Code points of ITU-T H.273: primaries, transfer characteristics, matrix coefficients.
  int primaries, transfer, matrix;
} cavif_header;

/// An image, or an animation, to be written.
typedef struct {
  /// Pixels of one frame.
  int width, height;
  /// How long each frame is shown, in milliseconds; NULL: there is one, which is a photo.
  const int32_t *_Nullable milliseconds;
  int frames;
  /// How often all are shown; 0: without end. Older libraries say nothing of it.
  int loops;
  /// 3, or 4 with alpha that the colours are not multiplied with.
  int channels;
  /// [frame][row][column][channel], in 0...65535.
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
/// Whether this libavif says and writes how often an animation is shown.
bool cavif_knows_loops(void);

/// A file whose frames are decoded one after the other. Not to be used by two threads at once.
typedef struct cavif_decoder cavif_decoder;

/// NULL: it is no AVIF file, or libavif is not there. The bytes are read until the decoder is freed.
cavif_decoder *_Nullable cavif_decoder_new(const void *bytes, size_t count);
void cavif_decoder_free(cavif_decoder *decoder);
cavif_header cavif_decoder_header(const cavif_decoder *decoder);
/// How long a frame is shown, from 0 on; 0: it is not known.
int cavif_decoder_milliseconds(const cavif_decoder *decoder, int frame);
/// What stands beside the pixels: `kind` is 'I' (ICC profile), 'E' (EXIF) or 'X' (XMP). NULL: nothing of it.
const void *_Nullable cavif_decoder_metadata(const cavif_decoder *decoder, char kind, size_t *count);
/// Decodes a frame of 3 channels, or 4 with alpha that the colours are not multiplied with, into [row][column][channel]:
/// bytes where the depth is 8, else 16-bit numbers in 0...65535. The next frame takes the time of one; for an earlier
/// one, all from the last that stands by itself are decoded. False: it failed, and `problem` says why.
bool cavif_decoder_read(cavif_decoder *decoder, int frame, void *pixels, char *problem, size_t problem_size);

/// The bytes of a file, to be given to free. NULL: it failed, and `problem` says why, in so many bytes.
void *_Nullable cavif_encode(const cavif_picture *picture, size_t *count, char *problem, size_t problem_size);

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull end
#endif
#endif
