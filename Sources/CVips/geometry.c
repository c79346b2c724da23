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

VipsImage *cvips_resize(VipsImage *image, int width, int height, cvips_kernel kernel) {
  VipsImage *out = NULL;
  double across = (double)width / api.vips_image_get_width(image);
  double down = (double)height / api.vips_image_get_height(image);
  // A gap of zero keeps a box filter from being put before the kernel.
  api.vips_resize(image, &out, across, "vscale", down, "kernel", kernel_of(kernel), "gap", 0.0, END);
  return out;
}

VipsImage *cvips_blur(VipsImage *image, double sigma) {
  VipsImage *out = NULL;
  api.vips_gaussblur(image, &out, sigma, "min_ampl", 0.002, "precision", VIPS_PRECISION_FLOAT, END);
  return out;
}
