#include "api.h"

VipsImage *cvips_text_line(const char *markup, const char *font, int *x, int *y) {
  VipsImage *out = NULL;
  // At 72 dots per inch a size in points is one in pixels.
  if (api.vips_text(&out, markup, "font", font, "dpi", 72, END)) return NULL;
  *x = api.vips_image_get_xoffset(out);
  *y = api.vips_image_get_yoffset(out);
  return out;
}
