#include <string.h>

#include "file.h"

bool cjpeg_read_blocks(cjpeg *jpeg) {
  if (jpeg->failed || setjmp(jpeg->escape)) return false;
  jpeg->blocks = jpeg_api.jpeg_read_coefficients(&jpeg->in);
  return !jpeg->ends_early;
}

/// An area of the picture, of which a small file of its own was made.
struct area {
  int x, y, width, height;
  const uint8_t *changed;
  size_t stride;
};

static bool meets_change(struct area area, int left, int top, int width, int height) {
  for (int y = top; y < top + height && y < area.height; y++)
    for (int x = left; x < left + width && x < area.width; x++)
      if (area.changed[y * area.stride + x]) return true;
  return false;
}

static JBLOCKROW row_of(j_decompress_ptr file, jvirt_barray_ptr blocks, JDIMENSION row, boolean writes) {
  return file->mem->access_virt_barray((j_common_ptr)file, blocks, row, 1, writes)[0];
}

static void copy_changed(
  cjpeg *jpeg, int component, j_decompress_ptr made, jvirt_barray_ptr blocks, struct area area) {
  const jpeg_component_info *whole = &jpeg->in.comp_info[component], *part = &made->comp_info[component];
  // The encoder has refused sampling factors that do not divide the largest one.
  int width = DCTSIZE * jpeg->in.max_h_samp_factor / whole->h_samp_factor;
  int height = DCTSIZE * jpeg->in.max_v_samp_factor / whole->v_samp_factor;
  JDIMENSION left = area.x / width, top = area.y / height;
  for (JDIMENSION y = 0; y < part->height_in_blocks && top + y < whole->height_in_blocks; y++)
    for (JDIMENSION x = 0; x < part->width_in_blocks && left + x < whole->width_in_blocks; x++) {
      if (!meets_change(area, x * width, y * height, width, height)) continue;
      JBLOCKROW from = row_of(made, blocks, y, FALSE);
      JBLOCKROW to = row_of(&jpeg->in, jpeg->blocks[component], top + y, TRUE);
      memcpy(to[left + x], from[x], sizeof(JBLOCK));
    }
}

static void encode(cjpeg *jpeg, struct area area, const uint8_t *pixels) {
  jpeg_renew_encoder(jpeg);
  jpeg_set_up_encoder(jpeg, area.width, area.height, 0);
  jpeg_api.jpeg_start_compress(&jpeg->out, TRUE);
  for (int y = 0; y < area.height; y++) {
    JSAMPROW row = (JSAMPROW)pixels + y * area.stride * jpeg->in.num_components;
    jpeg_api.jpeg_write_scanlines(&jpeg->out, &row, 1);
  }
  jpeg_api.jpeg_finish_compress(&jpeg->out);
}

static bool replace(cjpeg *jpeg, j_decompress_ptr made, struct area area, const uint8_t *pixels) {
  if (jpeg->failed || setjmp(jpeg->escape)) return false;
  // No function of libjpeg's gives coefficients but that which reads a file.
  encode(jpeg, area, pixels);
  jpeg_api.jpeg_CreateDecompress(made, JPEG_LIB_VERSION, sizeof *made);
  jpeg_api.jpeg_mem_src(made, jpeg->made, jpeg->count);
  jpeg_api.jpeg_read_header(made, TRUE);
  jvirt_barray_ptr *blocks = jpeg_api.jpeg_read_coefficients(made);
  for (int i = 0; i < jpeg->in.num_components; i++) copy_changed(jpeg, i, made, blocks[i], area);
  return true;
}

bool cjpeg_replace(
  cjpeg *jpeg, int x, int y, int width, int height, const uint8_t *pixels, const uint8_t *changed, size_t stride) {
  struct jpeg_decompress_struct made = {.err = &jpeg->errors, .client_data = jpeg};
  struct area area = {x, y, width, height, changed, stride};
  bool replaced = replace(jpeg, &made, area, pixels);
  jpeg_api.jpeg_destroy_decompress(&made);
  return replaced;
}

const uint8_t *cjpeg_write_blocks(cjpeg *jpeg, size_t *count) {
  if (jpeg->failed || setjmp(jpeg->escape)) return NULL;
  jpeg_renew_encoder(jpeg);
  jpeg_api.jpeg_copy_critical_parameters(&jpeg->in, &jpeg->out);
  jpeg_set_mode(jpeg);
  jpeg_api.jpeg_write_coefficients(&jpeg->out, jpeg->blocks);
  jpeg_api.jpeg_finish_compress(&jpeg->out);
  *count = jpeg->count;
  return jpeg->made;
}
