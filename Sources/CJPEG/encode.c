#include <stdlib.h>
#include <string.h>

#include "file.h"

#include <jerror.h>

enum { FIRST_ROOM = 1 << 16 };

static void begin(j_compress_ptr out) {
  cjpeg *jpeg = out->client_data;
  if (!jpeg->made) {
    if (!(jpeg->made = malloc(FIRST_ROOM))) ERREXIT1(out, JERR_OUT_OF_MEMORY, 0);
    jpeg->room = FIRST_ROOM;
  }
  jpeg->destination.next_output_byte = jpeg->made;
  jpeg->destination.free_in_buffer = jpeg->room;
}

static boolean grow(j_compress_ptr out) {
  cjpeg *jpeg = out->client_data;
  uint8_t *larger = realloc(jpeg->made, 2 * jpeg->room);
  if (!larger) ERREXIT1(out, JERR_OUT_OF_MEMORY, 0);
  jpeg->destination.next_output_byte = larger + jpeg->room;
  jpeg->destination.free_in_buffer = jpeg->room;
  jpeg->made = larger;
  jpeg->room *= 2;
  return TRUE;
}

static void end(j_compress_ptr out) {
  cjpeg *jpeg = out->client_data;
  jpeg->count = jpeg->room - jpeg->destination.free_in_buffer;
}

void jpeg_renew_encoder(cjpeg *jpeg) {
  jpeg_api.jpeg_destroy_compress(&jpeg->out);
  jpeg_api.jpeg_CreateCompress(&jpeg->out, JPEG_LIB_VERSION, sizeof jpeg->out);
  jpeg->destination.init_destination = begin;
  jpeg->destination.empty_output_buffer = grow;
  jpeg->destination.term_destination = end;
  jpeg->out.dest = &jpeg->destination;
}

static J_COLOR_SPACE pixels_of(J_COLOR_SPACE stored) {
  switch (stored) {
    case JCS_YCbCr: return JCS_RGB;
    case JCS_YCCK: return JCS_CMYK;
    default: return stored;
  }
}

// libjpeg divides by eight times these numbers, which it holds in 16 bits.
static bool can_divide(const JQUANT_TBL *table) {
  for (int i = 0; i < DCTSIZE2; i++)
    if (table->quantval[i] < 1 || table->quantval[i] > 8191) return false;
  return true;
}

static void copy_tables(const struct jpeg_decompress_struct *in, struct jpeg_compress_struct *out) {
  for (int i = 0; i < NUM_QUANT_TBLS; i++) {
    if (!in->quant_tbl_ptrs[i]) continue;
    if (!can_divide(in->quant_tbl_ptrs[i])) ERREXIT1(out, JERR_NO_QUANT_TABLE, i);
    if (!out->quant_tbl_ptrs[i]) out->quant_tbl_ptrs[i] = jpeg_api.jpeg_alloc_quant_table((j_common_ptr)out);
    memcpy(out->quant_tbl_ptrs[i]->quantval, in->quant_tbl_ptrs[i]->quantval, sizeof in->quant_tbl_ptrs[i]->quantval);
  }
  for (int i = 0; i < in->num_components; i++) out->comp_info[i].quant_tbl_no = in->comp_info[i].quant_tbl_no;
}

void jpeg_set_up_encoder(cjpeg *jpeg, int width, int height, int quality) {
  const struct jpeg_decompress_struct *in = &jpeg->in;
  struct jpeg_compress_struct *out = &jpeg->out;
  out->image_width = width;
  out->image_height = height;
  out->input_components = in->num_components;
  out->in_color_space = pixels_of(in->jpeg_color_space);
  jpeg_api.jpeg_set_defaults(out);
  jpeg_api.jpeg_set_colorspace(out, in->jpeg_color_space);
  for (int i = 0; i < in->num_components; i++) {
    out->comp_info[i].h_samp_factor = in->comp_info[i].h_samp_factor;
    out->comp_info[i].v_samp_factor = in->comp_info[i].v_samp_factor;
  }
  if (quality > 0)
    jpeg_api.jpeg_set_quality(out, quality, TRUE);
  else
    copy_tables(in, out);
}

void jpeg_set_mode(cjpeg *jpeg) {
  const struct jpeg_decompress_struct *in = &jpeg->in;
  struct jpeg_compress_struct *out = &jpeg->out;
  out->write_JFIF_header = in->saw_JFIF_marker;
  out->density_unit = in->density_unit;
  out->X_density = in->X_density;
  out->Y_density = in->Y_density;
  out->write_Adobe_marker = in->saw_Adobe_marker;
  out->arith_code = in->arith_code;
  out->optimize_coding = !in->arith_code;
  out->restart_interval = in->restart_interval;
  if (in->progressive_mode) jpeg_api.jpeg_simple_progression(out);
}

bool cjpeg_start(cjpeg *jpeg, int width, int height, int quality) {
  if (jpeg->failed || setjmp(jpeg->escape)) return false;
  jpeg_renew_encoder(jpeg);
  jpeg_set_up_encoder(jpeg, width, height, quality);
  jpeg_set_mode(jpeg);
  jpeg_api.jpeg_start_compress(&jpeg->out, TRUE);
  return true;
}

bool cjpeg_add_rows(cjpeg *jpeg, const uint8_t *pixels, int rows) {
  if (jpeg->failed || setjmp(jpeg->escape)) return false;
  size_t stride = (size_t)jpeg->out.image_width * jpeg->out.input_components;
  for (int y = 0; y < rows; y++) {
    JSAMPROW row = (JSAMPROW)pixels + y * stride;
    jpeg_api.jpeg_write_scanlines(&jpeg->out, &row, 1);
  }
  return true;
}

const uint8_t *cjpeg_finish(cjpeg *jpeg, size_t *count) {
  if (jpeg->failed || setjmp(jpeg->escape)) return NULL;
  jpeg_api.jpeg_finish_compress(&jpeg->out);
  *count = jpeg->count;
  return jpeg->made;
}
