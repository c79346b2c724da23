/// libvips, loaded when it is first needed instead of when the program starts.
///
/// Call cvips_load and see it return NULL before anything else here, cvips_set_threads and
/// cvips_preload excepted. Everything may be called from any thread.
///
/// A function that returns an image returns NULL when it fails, and one that returns int a
/// non-zero number; cvips_take_error then says why. An image returned belongs to the caller,
/// who gives it back with cvips_unref. Images are lazy unless said otherwise: their pixels are
/// computed when they are asked for. An image keeps its ancestors alive.
#ifndef CVIPS_H
#define CVIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull begin
#endif

typedef struct _VipsImage VipsImage;

typedef enum {
  CVIPS_JPEG,
  CVIPS_PNG,
  CVIPS_WEBP,
  CVIPS_TIFF,
  CVIPS_AVIF,
  CVIPS_HEIC,
  CVIPS_GIF,
  CVIPS_PPM,
  CVIPS_JXL,
  CVIPS_JP2,  ///< read alone
} cvips_format;

typedef enum { CVIPS_UINT8, CVIPS_UINT16, CVIPS_FLOAT, CVIPS_OTHER_TYPE } cvips_type;

typedef enum { CVIPS_GREY, CVIPS_RGB, CVIPS_CMYK, CVIPS_CONVERTIBLE, CVIPS_UNNAMED } cvips_space;

typedef enum { CVIPS_LINEAR, CVIPS_CUBIC, CVIPS_LANCZOS } cvips_kernel;

/// What an image is, before its pixels are decoded.
typedef struct {
  int width, height;  ///< pixels
  int bands;          ///< channels, alpha included
  int orientation;    ///< EXIF orientation, 1...8
  bool has_alpha;
  int pages;  ///< or frames in the file, 1 or more
  cvips_type type;
  cvips_space space;
} cvips_header;

typedef enum {
  CVIPS_DEFLATE,
  CVIPS_UNCOMPRESSED,
  CVIPS_PACKBITS,
  CVIPS_LZW,
  CVIPS_GROUP4,
} cvips_compression;

/// How to encode. Negative numbers mean the encoder's own choice.
typedef struct {
  int quality;    ///< 1...100
  int effort;     ///< 0 (fastest) ...9 (smallest)
  int bit_depth;  ///< 1 (of 0 and 255 in PNG and TIFF), 8, 10, 12 or 16
  bool lossless;
  cvips_compression compression;  ///< of TIFF with 1 bit
  bool white_is_zero;             ///< in TIFF with 1 bit
} cvips_encoding;

// Loading (load.c)

/// Loads libvips if it is not loaded yet. NULL, or why it cannot be loaded.
const char *_Nullable cvips_load(void);
/// Starts loading on a thread of its own. Call it early, before other threads are started.
void cvips_preload(void);
/// The number of worker threads of every later operation; 0 is libvips's own choice.
void cvips_set_threads(int count);
/// libvips's version, major * 100 + minor.
int cvips_version(void);
/// What went wrong since the last call, or NULL. To be given to cvips_free.
char *_Nullable cvips_take_error(void);
void cvips_free(void *_Nullable memory);
/// The same memory with another size, maybe elsewhere, or NULL: then it stays as it was.
void *_Nullable cvips_reallocate(void *_Nullable memory, size_t count);
/// The hexadecimal MD5 of bytes. To be given to cvips_free.
char *_Nullable cvips_md5(const void *_Nullable bytes, size_t count);
/// The hexadecimal SHA-256 of bytes. To be given to cvips_free.
char *_Nullable cvips_sha256(const void *_Nullable bytes, size_t count);

// Reading, pixels (image.c)

void cvips_unref(VipsImage *image);
/// The first picture of an encoded file. The bytes must stay until its pixels have been read.
VipsImage *_Nullable cvips_decode(cvips_format format, const void *bytes, size_t count);
/// Decodes one frame, from 0 on, where the format is GIF or WebP.
VipsImage *_Nullable cvips_decode_frame(cvips_format format, const void *bytes, size_t count, int frame);
/// All frames one below the other, of GIF or WebP, decoded as their rows are read from the top on.
VipsImage *_Nullable cvips_decode_animation(cvips_format format, const void *bytes, size_t count);
/// Decodes a JPEG, a half, a quarter or an eighth as wide and high, rounded down: shrink is 1, 2, 4 or 8. (shrink.c)
VipsImage *_Nullable cvips_decode_jpeg(const void *bytes, size_t count, int shrink);
/// Means over squares of so many pixels along a side; the last ones may reach over the border. (shrink.c)
VipsImage *_Nullable cvips_shrink(VipsImage *image, int factor);
cvips_header cvips_header_of(VipsImage *image);
/// A copy with all pixels in memory of its own, and the metadata.
VipsImage *_Nullable cvips_in_memory(VipsImage *image);
/// Pixels of caller's memory, not copied: it must outlive the image and those made from it.
VipsImage *_Nullable cvips_wrap(const void *pixels, int width, int height, int bands, cvips_type type);
/// The pixels, row after row without gaps, of an image that cvips_in_memory or cvips_wrap made.
void *_Nullable cvips_pixels(VipsImage *image);
/// Computes all pixels into out, interleaved: integers mapped to 0...1, floats as they are.
int cvips_read_floats(VipsImage *image, float *out);
/// Asks for large pages for memory that is not written to yet and lives briefly. To find them may take the system long.
void cvips_prefer_large_pages(void *memory, size_t size);
/// Computes all pixels into out, which has room for them: rows without gaps.
int cvips_read(VipsImage *image, void *out);

VipsImage *_Nullable cvips_upright(VipsImage *image);
VipsImage *_Nullable cvips_crop(VipsImage *image, int left, int top, int width, int height);
VipsImage *_Nullable cvips_bands(VipsImage *image, int first, int count);
VipsImage *_Nullable cvips_join(VipsImage *image, VipsImage *more_bands);
VipsImage *_Nullable cvips_join_constant(VipsImage *image, double value);
/// Blends with a background, the same value in each band, and drops alpha.
VipsImage *_Nullable cvips_flatten(VipsImage *image, double background);
/// Each value multiplied by scale, rounded to the nearest and saturated.
VipsImage *_Nullable cvips_rescale(VipsImage *image, double scale, cvips_type type);
/// The same values as floats, of whatever type they are.
VipsImage *_Nullable cvips_as_floats(VipsImage *image);
VipsImage *_Nullable cvips_named(VipsImage *image, cvips_space space);

// Colour (colour.c)

/// sRGB, 16 or 8 bits, from an image without alpha. From its embedded profile, or from libvips's
/// built-in one of the name fallback ("srgb" or "cmyk").
VipsImage *_Nullable cvips_to_srgb(VipsImage *image, const char *fallback, int depth);
/// The way back, from 16-bit sRGB to a profile.
VipsImage *_Nullable cvips_from_srgb(VipsImage *image, const void *profile, size_t count, int depth);
/// RGB, 16 or 8 bits, of CMYK without a profile: each ink takes its share of its colour, black of all.
VipsImage *_Nullable cvips_plain_rgb(VipsImage *image, int depth);
/// sRGB, 16 bits, of an image in another colour space that needs no profile (Lab, XYZ, ...).
VipsImage *_Nullable cvips_converted(VipsImage *image);

// Geometry (geometry.c)

/// Antialiased when it shrinks; edges extended; pixel centres aligned. Lanczos enlarges as cubic.
VipsImage *_Nullable cvips_resize(VipsImage *image, int width, int height, cvips_kernel kernel);
/// Floats: the colours multiplied by the last band, of which opaque means 1.
VipsImage *_Nullable cvips_premultiplied(VipsImage *image, double opaque);
/// The way back.
VipsImage *_Nullable cvips_unpremultiplied(VipsImage *image, double opaque);
VipsImage *_Nullable cvips_blur(VipsImage *image, double sigma);

// Metadata (metadata.c)

/// A field of bytes, NULL if there is none. It lives as long as the image keeps the field.
const void *_Nullable cvips_blob(VipsImage *image, const char *field, size_t *count);
/// Copies all fields of bytes into the image's own memory: a loader may only lend them (heifload 8.14).
/// Only for an image that nobody else uses.
void cvips_own_blobs(VipsImage *image);
/// Only for an image that nobody else uses.
void cvips_set_blob(VipsImage *image, const char *field, const void *bytes, size_t count);
/// The number in a field, or otherwise.
int cvips_int(VipsImage *image, const char *field, int otherwise);
/// A text field as text, NULL if there is none. To be given to cvips_free.
char *_Nullable cvips_text(VipsImage *image, const char *field);
/// Only for an image that nobody else uses.
void cvips_remove(VipsImage *image, const char *field);
/// The names of all fields, each with a line end. To be given to cvips_free.
char *_Nullable cvips_fields(VipsImage *image);
/// The same pixels, lazily, with metadata of its own.
VipsImage *_Nullable cvips_copy(VipsImage *image);

/// Bytes of a built-in ICC profile ("srgb", "p3", "cmyk"). To be given to cvips_free.
void *_Nullable cvips_profile(const char *name, size_t *count);

// Profiles made of numbers (profile.c)

/// The bytes of an ICC profile of an RGB or grey device. To be given to cvips_free; NULL without Little CMS.
/// @param xy     chromaticities of white, red, green, blue (CIE 1931, x and y of each)
/// @param curve  linear light, in 0...65535, of values at equal distances
void *_Nullable cvips_matrix_profile(
  const double *xy, const uint16_t *curve, size_t entries, bool grey, size_t *count);

// Brotli (brotli.c)

/// What bytes in Brotli's format (RFC 7932) stand for. To be given to cvips_free; NULL: they are damaged, stand for more
/// than 16 MiB, or there is no decoder.
void *_Nullable cvips_unbrotli(const void *bytes, size_t size, size_t *count);

// The header of HEIF files (heif.c)

/// How the colours of the main picture of an AVIF or HEIC file are coded.
typedef struct {
  /// Bits of a channel; -1: not known.
  int depth;
  /// Code points of ITU-T H.273; 2: not said.
  int primaries, transfer, matrix;
} cvips_heif_coding;

/// False: not known.
bool cvips_heif_coding_of(const void *bytes, size_t count, cvips_heif_coding *out);

// The frames of JPEG XL files (jxl.c)

/// How many there are, of which libvips 8.14 reads the first; 1: that is not known.
int cvips_jxl_frames(const void *bytes, size_t count);

// Animations (animation.c)

/// Images of one size, bands and type, one below the other. The metadata is the first one's.
VipsImage *_Nullable cvips_stack(VipsImage *_Nonnull const *_Nonnull images, int count);
/// Makes the rows of an image frames of so many rows each, shown for so many milliseconds, and all so many times; 0:
/// without end. Only for an image that nobody else uses.
void cvips_set_frames(VipsImage *image, int frame_height, const int *milliseconds, int count, int loops);

// Text (text.c)

/// One line of Pango markup as coverage, 1 band of 8 bits, cut to what is inked. `x` and `y` are where it lies
/// beside the line's start and below its top. NULL also where this libvips cannot draw text.
VipsImage *_Nullable cvips_text_line(const char *markup, const char *font, int *x, int *y);

// Writing (encode.c)

/// The bytes of a file. To be given to cvips_free.
void *_Nullable cvips_encode(VipsImage *image, cvips_format format, cvips_encoding encoding, size_t *count);

#if __has_feature(assume_nonnull)
#pragma clang assume_nonnull end
#endif
#endif
