#include "api.h"

VipsImage *cvips_stack(VipsImage *const *images, int count) {
  VipsImage *out = NULL;
  api.vips_arrayjoin((VipsImage **)images, &out, count, "across", 1, END);
  return out;
}

void cvips_set_frames(VipsImage *image, int frame_height, const int *milliseconds, int count, int loops) {
  api.vips_image_set_int(image, VIPS_META_PAGE_HEIGHT, frame_height);
  api.vips_image_set_array_int(image, "delay", milliseconds, count);
  api.vips_image_set_int(image, "loop", loops);
}
