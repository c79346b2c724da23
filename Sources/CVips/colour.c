#include "api.h"

#define MAPPING "intent", VIPS_INTENT_RELATIVE, "black_point_compensation", TRUE

VipsImage *cvips_to_srgb(VipsImage *image, const char *fallback, int depth) {
  VipsImage *out = NULL;
  api.vips_icc_transform(
    image, &out, "srgb", "embedded", TRUE, "input_profile", fallback, "depth", depth, MAPPING, END);
  return out;
}

VipsImage *cvips_from_srgb(
  VipsImage *image, const void *profile, size_t count, const char *fallback, int depth) {
  VipsImage *connected = NULL, *target = NULL, *out = NULL;
  if (api.vips_icc_import(image, &connected, "input_profile", "srgb", "pcs", VIPS_PCS_XYZ, MAPPING, END))
    return NULL;
  if (profile) {
    target = cvips_copy(connected);
    if (target) {
      cvips_set_blob(target, VIPS_META_ICC_NAME, profile, count);
      api.vips_icc_export(target, &out, "pcs", VIPS_PCS_XYZ, "depth", depth, MAPPING, END);
      api.g_object_unref(target);
    }
  } else {
    api.vips_icc_export(
      connected, &out, "output_profile", fallback, "pcs", VIPS_PCS_XYZ, "depth", depth, MAPPING, END);
  }
  api.g_object_unref(connected);
  return out;
}

VipsImage *cvips_converted(VipsImage *image) {
  VipsImage *out = NULL;
  api.vips_colourspace(image, &out, VIPS_INTERPRETATION_RGB16, END);
  return out;
}
