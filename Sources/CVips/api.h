/// The functions of libvips and glib that this target calls, found at run time. Their types are
/// those of the headers, so a call is checked like any other: api.vips_crop(...).
#ifndef CVIPS_API_H
#define CVIPS_API_H

#include <vips/vips.h>

#include "include/cvips.h"

#define API(X) \
  X(g_compute_checksum_for_data) X(g_free) X(g_log_set_handler) X(g_malloc) X(g_try_malloc) X(g_try_realloc) \
  X(g_module_error) X(g_module_open) \
  X(g_object_get) X(g_object_unref) X(g_strfreev) \
  X(vips_affine) X(vips_arrayjoin) X(vips_autorot) X(vips_bandjoin2) X(vips_bandjoin_const1) X(vips_block_untrusted_set) \
  X(vips_cache_set_max) X(vips_cast) X(vips_colourspace) X(vips_concurrency_set) X(vips_copy) \
  X(vips_crop) X(vips_error) X(vips_error_buffer_copy) X(vips_error_clear) X(vips_extract_band) X(vips_flatten) \
  X(vips_array_double_new) X(vips_array_int_new) X(vips_interpolate_new) X(vips_area_unref) \
  X(vips_gaussblur) X(vips_gifload_source) X(vips_gifsave_target) \
  X(vips_heifload_source) X(vips_heifsave_target) \
  X(vips_icc_transform) X(vips_image_get_as_string) X(vips_image_get_bands) X(vips_image_get_blob) \
  X(vips_image_get_data) X(vips_image_get_fields) X(vips_image_get_format) X(vips_image_get_height) \
  X(vips_image_get_int) X(vips_image_get_n_pages) X(vips_image_get_interpretation) X(vips_image_get_orientation) \
  X(vips_image_get_typeof) X(vips_image_get_width) X(vips_image_get_xoffset) X(vips_image_get_yoffset) X(vips_image_hasalpha) X(vips_image_new_from_memory) \
  X(vips_image_new_memory) X(vips_image_remove) X(vips_image_set_array_int) X(vips_image_set_blob_copy) X(vips_image_set_int) X(vips_image_write) \
  X(vips_init) X(vips_invert) X(vips_jpegload_source) X(vips_jpegsave_target) X(vips_jp2kload_source) X(vips_jxlload_source) \
  X(vips_jxlsave_target) X(vips_linear1) X(vips_multiply) \
  X(vips_operation_block_set) X(vips_pngload_source) X(vips_pngsave_target) X(vips_ppmload_source) \
  X(vips_ppmsave_target) X(vips_premultiply) X(vips_profile_load) X(vips_resize) X(vips_shrink) X(vips_sink_disc) \
  X(vips_source_new_from_memory) X(vips_target_new_to_memory) X(vips_text) \
  X(vips_tiffload_source) X(vips_tiffsave_target) X(vips_unpremultiply) X(vips_version) X(vips_webpload_source) \
  X(vips_webpsave_target)

struct api {
#define DECLARE(name) __typeof__(&name) name;
  API(DECLARE)
#undef DECLARE
};

extern struct api api;

/// libheif costs some milliseconds to load: called when a file of its formats is met. False where there is no memory
/// for it, which is told by libvips's error buffer.
bool cvips_load_heif(void);
/// Loads the functions of libjxl.
bool cvips_load_jxl(void);

/// Ends the options of a libvips call. A bare NULL need not be a pointer in an argument list.
#define END ((void *)NULL)

#endif
