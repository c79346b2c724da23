/// What the parts of this target share.
#ifndef CJPEG_FILE_H
#define CJPEG_FILE_H

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "include/cjpeg.h"

#define API(X) \
  X(jpeg_std_error) X(jpeg_alloc_quant_table) X(jpeg_mem_src) X(jpeg_set_colorspace) X(jpeg_set_defaults) \
  X(jpeg_set_quality) X(jpeg_simple_progression) X(jpeg_copy_critical_parameters) \
  X(jpeg_CreateDecompress) X(jpeg_destroy_decompress) X(jpeg_read_header) X(jpeg_read_coefficients) \
  X(jpeg_CreateCompress) X(jpeg_destroy_compress) X(jpeg_start_compress) X(jpeg_write_scanlines) \
  X(jpeg_write_coefficients) X(jpeg_finish_compress)

/// The functions of libjpeg that this target calls, found at run time.
struct jpeg_api {
#define DECLARE(name) __typeof__(&name) name;
  API(DECLARE)
#undef DECLARE
};

extern struct jpeg_api jpeg_api;

/// Whether libjpeg is there.
bool jpeg_load(void);

struct cjpeg {
  struct jpeg_error_mgr errors;
  jmp_buf escape;    ///< where an error of libjpeg leads; set by every function that calls it
  bool failed;       ///< what libjpeg has of the file may be half of another one's
  bool ends_early;   ///< the data of a file that was read
  struct jpeg_decompress_struct in;  ///< the file
  jvirt_barray_ptr *blocks;          ///< of the file, by component
  struct jpeg_compress_struct out;   ///< what is being made
  struct jpeg_destination_mgr destination;
  uint8_t *made;  ///< its bytes
  size_t room, count;
};

/// Makes a new encoder in the place of the last one. It writes into `made`.
void jpeg_renew_encoder(cjpeg *jpeg);
/// Gives it size, colours and sampling; `quality` 0 gives it the file's tables too.
void jpeg_set_up_encoder(cjpeg *jpeg, int width, int height, int quality);
/// Gives it the mode of the file: entropy coder, progression, restart markers, and the headers that tell of its colours.
void jpeg_set_mode(cjpeg *jpeg);

#endif
