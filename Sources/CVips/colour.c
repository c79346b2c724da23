#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api.h"

// Straight from device to device: over a connection space libvips loses precision in the shadows.
static VipsImage *transform(
  VipsImage *image, const char *from, bool embedded, const char *to, int depth) {
  VipsImage *out = NULL;
  api.vips_icc_transform(image, &out, to, "embedded", embedded, "input_profile", from, "depth", depth, "intent",
    VIPS_INTENT_RELATIVE, "black_point_compensation", TRUE, END);
  return out;
}

VipsImage *cvips_to_srgb(VipsImage *image, const char *fallback, int depth) {
  return transform(image, fallback, true, "srgb", depth);
}

static bool write_all(int file, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, count);
    if (written <= 0) return false;
    bytes += written;
    count -= written;
  }
  return true;
}

VipsImage *cvips_from_srgb(VipsImage *image, const void *profile, size_t count, int depth) {
  // libvips takes an output profile by name of a file only. It is read during the call.
  int file = memfd_create("profile", MFD_CLOEXEC);
  if (file < 0) return NULL;
  VipsImage *out = NULL;
  if (write_all(file, profile, count)) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    out = transform(image, "srgb", false, path, depth);
  }
  close(file);
  return out;
}

// Colours are what is left of white: (1 - ink)(1 - black).
VipsImage *cvips_plain_rgb(VipsImage *image, int depth) {
  VipsImage *left = NULL, *inks = NULL, *black = NULL, *product = NULL, *out = NULL;
  double from = api.vips_image_get_format(image) == VIPS_FORMAT_USHORT ? 65535 : 255;
  double scale = (depth == 16 ? 65535 : 255) / (from * from);
  if (!api.vips_invert(image, &left, END) && !api.vips_extract_band(left, &inks, 0, "n", 3, END) &&
      !api.vips_extract_band(left, &black, 3, END) && !api.vips_multiply(inks, black, &product, END)) {
    VipsImage *scaled = cvips_rescale(product, scale, depth == 16 ? CVIPS_UINT16 : CVIPS_UINT8);
    if (scaled) {
      out = cvips_named(scaled, CVIPS_RGB);
      api.g_object_unref(scaled);
    }
  }
  VipsImage *between[] = {left, inks, black, product};
  for (int i = 0; i < 4; i++)
    if (between[i]) api.g_object_unref(between[i]);
  return out;
}

VipsImage *cvips_converted(VipsImage *image) {
  VipsImage *out = NULL;
  api.vips_colourspace(image, &out, VIPS_INTERPRETATION_RGB16, END);
  return out;
}
