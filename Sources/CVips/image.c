#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "api.h"

void cvips_unref(VipsImage *image) { api.g_object_unref(image); }

static VipsImage *decode(cvips_format format, const void *bytes, size_t count, int frame, int frames);

VipsImage *cvips_decode(cvips_format format, const void *bytes, size_t count) {
  return cvips_decode_frame(format, bytes, count, 0);
}

VipsImage *cvips_decode_frame(cvips_format format, const void *bytes, size_t count, int frame) {
  return decode(format, bytes, count, frame, 1);
}

VipsImage *cvips_decode_animation(cvips_format format, const void *bytes, size_t count) {
  return decode(format, bytes, count, 0, -1);
}

static VipsImage *decode(cvips_format format, const void *bytes, size_t count, int frame, int frames) {
  VipsSource *source = api.vips_source_new_from_memory(bytes, count);
  if (!source) return NULL;
  VipsImage *out = NULL;
#define LOAD_WITH(loader, ...) \
  api.loader(source, &out, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, __VA_ARGS__)
#define LOAD(loader) LOAD_WITH(loader, END)
  switch (format) {
    case CVIPS_JPEG: LOAD(vips_jpegload_source); break;
    case CVIPS_PNG: LOAD(vips_pngload_source); break;
    case CVIPS_WEBP: LOAD_WITH(vips_webpload_source, "page", frame, "n", frames, END); break;
    case CVIPS_TIFF: LOAD(vips_tiffload_source); break;
    case CVIPS_GIF: LOAD_WITH(vips_gifload_source, "page", frame, "n", frames, END); break;
    case CVIPS_PPM: LOAD(vips_ppmload_source); break;
    case CVIPS_AVIF:
    case CVIPS_HEIC:
      if (cvips_load_heif()) LOAD(vips_heifload_source);
      break;
    case CVIPS_JXL:
      if (cvips_load_jxl()) LOAD(vips_jxlload_source);
      break;
    case CVIPS_JP2: LOAD(vips_jp2kload_source); break;
  }
#undef LOAD
#undef LOAD_WITH
  api.g_object_unref(source);
  // With several threads libvips 8.14 may lose the decoder's error and go on with black pixels. Decoders
  // work from top to bottom anyway, so more threads would not make them faster.
  if (out) api.vips_image_set_int(out, VIPS_META_CONCURRENCY, 1);
  return out;
}

static cvips_type type_of(VipsImage *image) {
  switch (api.vips_image_get_format(image)) {
    case VIPS_FORMAT_UCHAR: return CVIPS_UINT8;
    case VIPS_FORMAT_USHORT: return CVIPS_UINT16;
    case VIPS_FORMAT_FLOAT: return CVIPS_FLOAT;
    default: return CVIPS_OTHER_TYPE;
  }
}

static cvips_space space_of(VipsImage *image) {
  switch (api.vips_image_get_interpretation(image)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16: return CVIPS_GREY;
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    // What libvips takes floats of a TIFF file for, whatever they are.
    case VIPS_INTERPRETATION_scRGB: return CVIPS_RGB;
    case VIPS_INTERPRETATION_CMYK: return CVIPS_CMYK;
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABQ:
    case VIPS_INTERPRETATION_LABS:
    case VIPS_INTERPRETATION_LCH:
    case VIPS_INTERPRETATION_XYZ:
    case VIPS_INTERPRETATION_YXY:
    case VIPS_INTERPRETATION_HSV: return CVIPS_CONVERTIBLE;
    default: return CVIPS_UNNAMED;
  }
}

cvips_header cvips_header_of(VipsImage *image) {
  return (cvips_header){
    .width = api.vips_image_get_width(image),
    .height = api.vips_image_get_height(image),
    .bands = api.vips_image_get_bands(image),
    .orientation = api.vips_image_get_orientation(image),
    .has_alpha = api.vips_image_hasalpha(image),
    .pages = api.vips_image_get_n_pages(image),
    .type = type_of(image),
    .space = space_of(image),
  };
}

VipsImage *cvips_in_memory(VipsImage *image) {
  VipsImage *out = api.vips_image_new_memory();
  if (api.vips_image_write(image, out)) {
    api.g_object_unref(out);
    return NULL;
  }
  return out;
}

static VipsBandFormat band_format(cvips_type type) {
  switch (type) {
    case CVIPS_UINT8: return VIPS_FORMAT_UCHAR;
    case CVIPS_UINT16: return VIPS_FORMAT_USHORT;
    default: return VIPS_FORMAT_FLOAT;
  }
}

static size_t size_of(VipsBandFormat format) {
  switch (format) {
    case VIPS_FORMAT_UCHAR: return 1;
    case VIPS_FORMAT_USHORT: return 2;
    default: return 4;
  }
}

VipsImage *cvips_as_floats(VipsImage *image) {
  VipsImage *out = NULL;
  api.vips_cast(image, &out, VIPS_FORMAT_FLOAT, END);
  return out;
}

static VipsInterpretation interpretation(cvips_space space, VipsBandFormat format) {
  bool wide = format == VIPS_FORMAT_USHORT;
  switch (space) {
    case CVIPS_GREY: return wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
    case CVIPS_RGB: return wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
    case CVIPS_CMYK: return VIPS_INTERPRETATION_CMYK;
    default: return VIPS_INTERPRETATION_MULTIBAND;
  }
}

VipsImage *cvips_named(VipsImage *image, cvips_space space) {
  VipsImage *out = NULL;
  VipsInterpretation name = interpretation(space, api.vips_image_get_format(image));
  api.vips_copy(image, &out, "interpretation", name, END);
  return out;
}

VipsImage *cvips_wrap(const void *pixels, int width, int height, int bands, cvips_type type) {
  VipsBandFormat format = band_format(type);
  size_t size = (size_t)width * height * bands * size_of(format);
  VipsImage *image = api.vips_image_new_from_memory(pixels, size, width, height, bands, format);
  if (!image) return NULL;
  VipsImage *out = cvips_named(image, bands < 3 ? CVIPS_GREY : CVIPS_RGB);
  api.g_object_unref(image);
  return out;
}

void *cvips_pixels(VipsImage *image) { return (void *)api.vips_image_get_data(image); }

struct sink {
  char *out;
  size_t row;  ///< values in a row
};

// VIPS_REGION_ADDR would call into the library; the area begins at the left edge.
static const void *row_of(VipsRegion *region, int y) {
  return region->data + (size_t)(y - region->valid.top) * region->bpl;
}

static int store(VipsRegion *region, VipsRect *area, void *data) {
  struct sink *sink = data;
  size_t size = size_of(region->im->BandFmt);
  for (int y = area->top; y < area->top + area->height; y++)
    memcpy(sink->out + (size_t)y * sink->row * size, row_of(region, y), sink->row * size);
  return 0;
}

static int store_floats(VipsRegion *region, VipsRect *area, void *data) {
  struct sink *sink = data;
  for (int y = area->top; y < area->top + area->height; y++) {
    float *restrict out = (float *)sink->out + (size_t)y * sink->row;
    const void *in = row_of(region, y);
    switch (region->im->BandFmt) {
      case VIPS_FORMAT_UCHAR:
        for (size_t i = 0; i < sink->row; i++) out[i] = ((const uint8_t *)in)[i] / 255.0f;
        break;
      case VIPS_FORMAT_USHORT:
        for (size_t i = 0; i < sink->row; i++) out[i] = ((const uint16_t *)in)[i] / 65535.0f;
        break;
      default: memcpy(out, in, sink->row * sizeof *out);
    }
  }
  return 0;
}

// Fresh memory is given page by page when it is first written: with large pages that costs less.
void cvips_prefer_large_pages(void *memory, size_t size) {
  uintptr_t page = 1 << 21, start = ((uintptr_t)memory + page - 1) & -page;
  uintptr_t end = ((uintptr_t)memory + size) & -page;
  if (end > start) madvise((void *)start, end - start, MADV_HUGEPAGE);
}

static int read_rows(VipsImage *image, VipsRegionWrite write, void *out) {
  size_t row = (size_t)api.vips_image_get_width(image) * api.vips_image_get_bands(image);
  struct sink sink = {out, row};
  return api.vips_sink_disc(image, write, &sink);
}

int cvips_read_floats(VipsImage *image, float *out) {
  return read_rows(image, store_floats, out);
}

int cvips_read(VipsImage *image, void *out) { return read_rows(image, store, out); }

VipsImage *cvips_upright(VipsImage *image) {
  VipsImage *out = NULL;
  api.vips_autorot(image, &out, END);
  return out;
}

VipsImage *cvips_bands(VipsImage *image, int first, int count) {
  VipsImage *out = NULL;
  api.vips_extract_band(image, &out, first, "n", count, END);
  return out;
}

VipsImage *cvips_join(VipsImage *image, VipsImage *more_bands) {
  VipsImage *out = NULL;
  api.vips_bandjoin2(image, more_bands, &out, END);
  return out;
}

VipsImage *cvips_join_constant(VipsImage *image, double value) {
  VipsImage *out = NULL;
  api.vips_bandjoin_const1(image, &out, value, END);
  return out;
}

VipsImage *cvips_flatten(VipsImage *image, double background) {
  VipsImage *out = NULL;
  VipsArrayDouble *colour = api.vips_array_double_new(&background, 1);
  api.vips_flatten(image, &out, "background", colour, END);
  api.vips_area_unref((VipsArea *)colour);
  return out;
}

VipsImage *cvips_rescale(VipsImage *image, double scale, cvips_type type) {
  VipsImage *scaled = NULL, *out = NULL;
  // The cast truncates and saturates.
  if (api.vips_linear1(image, &scaled, scale, 0.5, END)) return NULL;
  api.vips_cast(scaled, &out, band_format(type), END);
  api.g_object_unref(scaled);
  return out;
}
