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

VipsImage *cvips_from_srgb(
  VipsImage *image, const void *profile, size_t count, const char *fallback, int depth) {
  if (!profile) return transform(image, "srgb", false, fallback, depth);
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

VipsImage *cvips_converted(VipsImage *image) {
  VipsImage *out = NULL;
  api.vips_colourspace(image, &out, VIPS_INTERPRETATION_RGB16, END);
  return out;
}
