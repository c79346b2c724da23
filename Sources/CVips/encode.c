#include "api.h"

static int pick(int wanted, int otherwise) { return wanted < 0 ? otherwise : wanted; }

static int scaled_effort(int effort, int lowest, int highest, int otherwise) {
  return effort < 0 ? otherwise : lowest + (effort * (highest - lowest) + 4) / 9;
}

static int save_jpeg(VipsImage *image, VipsTarget *target, cvips_encoding e) {
  int quality = pick(e.quality, 92);
  // Full colour resolution from 90 on.
  return api.vips_jpegsave_target(image, target, "Q", quality, "optimize_coding", TRUE, "subsample_mode",
    quality >= 90 ? VIPS_FOREIGN_SUBSAMPLE_OFF : VIPS_FOREIGN_SUBSAMPLE_ON, END);
}

static int save_png(VipsImage *image, VipsTarget *target, cvips_encoding e) {
  return api.vips_pngsave_target(image, target, "compression", pick(e.effort, 6), "bitdepth",
    pick(e.bit_depth, 8), "palette", FALSE, END);
}

static int save_webp(VipsImage *image, VipsTarget *target, cvips_encoding e) {
  int effort = scaled_effort(e.effort, 0, 6, 4);
  // Colours under transparent pixels are only kept where the option for it exists.
  if (e.lossless && cvips_version() >= 816)
    return api.vips_webpsave_target(image, target, "lossless", TRUE, "exact", TRUE, "effort", effort, END);
  return api.vips_webpsave_target(image, target, "Q", pick(e.quality, 90), "lossless", e.lossless,
    "smart_subsample", TRUE, "effort", effort, END);
}

static VipsForeignTiffCompression tiff_compression(cvips_compression compression) {
  switch (compression) {
    case CVIPS_UNCOMPRESSED: return VIPS_FOREIGN_TIFF_COMPRESSION_NONE;
    case CVIPS_PACKBITS: return VIPS_FOREIGN_TIFF_COMPRESSION_PACKBITS;
    case CVIPS_LZW: return VIPS_FOREIGN_TIFF_COMPRESSION_LZW;
    case CVIPS_GROUP4: return VIPS_FOREIGN_TIFF_COMPRESSION_CCITTFAX4;
    default: return VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE;
  }
}

static int save_tiff(VipsImage *image, VipsTarget *target, cvips_encoding e) {
  if (e.bit_depth == 1)
    return api.vips_tiffsave_target(image, target, "bitdepth", 1, "compression", tiff_compression(e.compression),
      "miniswhite", e.white_is_zero, "predictor", VIPS_FOREIGN_TIFF_PREDICTOR_NONE, END);
  return api.vips_tiffsave_target(image, target, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE,
    "predictor", VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL, END);
}

static int save_heif(VipsImage *image, VipsTarget *target, cvips_encoding e, VipsForeignHeifCompression codec) {
  if (!cvips_load_heif()) return -1;
  int quality = pick(e.quality, codec == VIPS_FOREIGN_HEIF_COMPRESSION_AV1 ? 75 : 85);
  return api.vips_heifsave_target(image, target, "Q", quality, "lossless", e.lossless, "compression", codec,
    "effort", pick(e.effort, 4), "bitdepth", pick(e.bit_depth, 8), "subsample_mode",
    e.lossless || quality >= 90 ? VIPS_FOREIGN_SUBSAMPLE_OFF : VIPS_FOREIGN_SUBSAMPLE_ON, END);
}

static int save_gif(VipsImage *image, VipsTarget *target, cvips_encoding e) {
  return api.vips_gifsave_target(image, target, "effort", scaled_effort(e.effort, 1, 10, 7), END);
}

static int save_ppm(VipsImage *image, VipsTarget *target) {
  // Without the comment that tells when it was made.
  return api.vips_ppmsave_target(image, target, "strip", TRUE, END);
}

static int save_jxl(VipsImage *image, VipsTarget *target, cvips_encoding e) {
  if (!cvips_load_jxl()) return -1;
  int effort = scaled_effort(e.effort, 3, 9, 7);
  return api.vips_jxlsave_target(
    image, target, "Q", pick(e.quality, 90), "lossless", e.lossless, "effort", effort, END);
}

static int save(VipsImage *image, VipsTarget *target, cvips_format format, cvips_encoding e) {
  switch (format) {
    case CVIPS_JPEG: return save_jpeg(image, target, e);
    case CVIPS_PNG: return save_png(image, target, e);
    case CVIPS_WEBP: return save_webp(image, target, e);
    case CVIPS_TIFF: return save_tiff(image, target, e);
    case CVIPS_AVIF: return save_heif(image, target, e, VIPS_FOREIGN_HEIF_COMPRESSION_AV1);
    case CVIPS_HEIC: return save_heif(image, target, e, VIPS_FOREIGN_HEIF_COMPRESSION_HEVC);
    case CVIPS_GIF: return save_gif(image, target, e);
    case CVIPS_PPM: return save_ppm(image, target);
    case CVIPS_JXL: return save_jxl(image, target, e);
    case CVIPS_JP2: break;
  }
  return -1;
}

// Takes the memory out of a finished target, as vips_pngsave_buffer and its like do.
static void *steal(VipsTarget *target, size_t *count) {
  VipsArea *area = NULL;
  api.g_object_get(target, "blob", &area, END);
  if (!area) return NULL;
  void *bytes = area->data;
  *count = area->length;
  area->free_fn = NULL;
  api.vips_area_unref(area);
  return bytes;
}

void *cvips_encode(VipsImage *image, cvips_format format, cvips_encoding encoding, size_t *count) {
  VipsTarget *target = api.vips_target_new_to_memory();
  if (!target) return NULL;
  void *bytes = save(image, target, format, encoding) ? NULL : steal(target, count);
  api.g_object_unref(target);
  return bytes;
}
