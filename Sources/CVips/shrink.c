#include "api.h"

VipsImage *cvips_decode_jpeg(const void *bytes, size_t count, int shrink) {
  VipsSource *source = api.vips_source_new_from_memory(bytes, count);
  if (!source) return NULL;
  VipsImage *out = NULL;
  api.vips_jpegload_source(
    source, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, "shrink", shrink, END);
  api.g_object_unref(source);
  // As in cvips_decode.
  if (out) api.vips_image_set_int(out, VIPS_META_CONCURRENCY, 1);
  return out;
}

VipsImage *cvips_shrink(VipsImage *image, int factor) {
  VipsImage *out = NULL;
  api.vips_shrink(image, &out, (double)factor, (double)factor, "ceil", TRUE, END);
  return out;
}
