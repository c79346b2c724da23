#include "api.h"

VipsImage *cvips_crop(VipsImage *image, int left, int top, int width, int height) {
  VipsImage *out = NULL;
  api.vips_crop(image, &out, left, top, width, height, END);
  return out;
}

static VipsKernel kernel_of(cvips_kernel kernel) {
  switch (kernel) {
    case CVIPS_LINEAR: return VIPS_KERNEL_LINEAR;
    case CVIPS_CUBIC: return VIPS_KERNEL_CUBIC;
    case CVIPS_LANCZOS: return VIPS_KERNEL_LANCZOS3;
  }
  return VIPS_KERNEL_LINEAR;
}

static VipsImage *shrink(VipsImage *image, double across, double down, cvips_kernel kernel) {
  VipsImage *out = NULL;
  // A gap of zero keeps a box filter from being put before the kernel.
  api.vips_resize(image, &out, across, "vscale", down, "kernel", kernel_of(kernel), "gap", 0.0, END);
  return out;
}

// vips_resize would place an enlarged image half a new pixel off.
static VipsImage *enlarge(VipsImage *image, int width, int height, cvips_kernel kernel) {
  VipsInterpolate *interpolate = api.vips_interpolate_new(kernel == CVIPS_LINEAR ? "bilinear" : "bicubic");
  if (!interpolate) return NULL;
  VipsImage *out = NULL;
  VipsArrayInt *area = api.vips_array_int_new((int[]){0, 0, width, height}, 4);
  double across = (double)width / api.vips_image_get_width(image);
  double down = (double)height / api.vips_image_get_height(image);
  api.vips_affine(image, &out, across, 0.0, 0.0, down, "interpolate", interpolate, "oarea", area, "idx", 0.5, "idy",
    0.5, "odx", -0.5, "ody", -0.5, "extend", VIPS_EXTEND_COPY, "premultiplied", TRUE, END);
  api.vips_area_unref((VipsArea *)area);
  api.g_object_unref(interpolate);
  return out;
}

VipsImage *cvips_resize(VipsImage *image, int width, int height, cvips_kernel kernel) {
  int old_width = api.vips_image_get_width(image), old_height = api.vips_image_get_height(image);
  double across = width < old_width ? (double)width / old_width : 1;
  double down = height < old_height ? (double)height / old_height : 1;
  VipsImage *small = shrink(image, across, down, kernel);
  if (!small || (width <= old_width && height <= old_height)) return small;
  VipsImage *out = enlarge(small, width, height, kernel);
  api.g_object_unref(small);
  return out;
}

VipsImage *cvips_premultiplied(VipsImage *image, double opaque) {
  VipsImage *out = NULL;
  api.vips_premultiply(image, &out, "max_alpha", opaque, END);
  return out;
}

VipsImage *cvips_unpremultiplied(VipsImage *image, double opaque) {
  VipsImage *out = NULL;
  api.vips_unpremultiply(image, &out, "max_alpha", opaque, END);
  return out;
}

VipsImage *cvips_blur(VipsImage *image, double sigma) {
  VipsImage *out = NULL;
  api.vips_gaussblur(image, &out, sigma, "min_ampl", 0.002, "precision", VIPS_PRECISION_FLOAT, END);
  return out;
}
