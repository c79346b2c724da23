#include <stdlib.h>

#include "file.h"

#include <jerror.h>

static _Noreturn void fail(j_common_ptr codec) {
  cjpeg *jpeg = codec->client_data;
  jpeg->failed = true;
  longjmp(jpeg->escape, 1);
}

static void note(j_common_ptr codec, int level) {
  int code = codec->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER))
    ((cjpeg *)codec->client_data)->ends_early = true;
}

static bool is_handled(const struct jpeg_decompress_struct *in) {
  if (in->data_precision != 8) return false;
  switch (in->jpeg_color_space) {
    case JCS_GRAYSCALE: return in->num_components == 1;
    case JCS_RGB:
    case JCS_YCbCr: return in->num_components == 3;
    case JCS_CMYK:
    case JCS_YCCK: return in->num_components == 4;
    default: return false;
  }
}

static bool read_header(cjpeg *jpeg, const void *bytes, size_t count) {
  if (jpeg->failed || setjmp(jpeg->escape)) return false;
  jpeg_api.jpeg_CreateDecompress(&jpeg->in, JPEG_LIB_VERSION, sizeof jpeg->in);
  jpeg_api.jpeg_mem_src(&jpeg->in, bytes, count);
  jpeg_api.jpeg_read_header(&jpeg->in, TRUE);
  return is_handled(&jpeg->in);
}

cjpeg *cjpeg_open(const void *bytes, size_t count) {
  if (!jpeg_load()) return NULL;
  cjpeg *jpeg = calloc(1, sizeof *jpeg);
  if (!jpeg) return NULL;
  jpeg_api.jpeg_std_error(&jpeg->errors);
  jpeg->errors.error_exit = fail;
  jpeg->errors.emit_message = note;
  jpeg->in.err = jpeg->out.err = &jpeg->errors;
  jpeg->in.client_data = jpeg->out.client_data = jpeg;
  if (read_header(jpeg, bytes, count)) return jpeg;
  cjpeg_close(jpeg);
  return NULL;
}

/// libjpeg scales the luma's table of ITU-T T.81, K.1, by the quality.
static int quality(const JQUANT_TBL *table) {
  if (!table) return 0;
  const double sum_of_example = 3688;
  double sum = 0;
  for (int i = 0; i < DCTSIZE2; i++) sum += table->quantval[i];
  // Percent: 5000 / q below a quality of 50, else 200 - 2 q.
  double scale = 100 * sum / sum_of_example;
  double quality = scale > 100 ? 5000 / scale : (200 - scale) / 2;
  return quality < 1 ? 1 : quality > 100 ? 100 : (int)(quality + 0.5);
}

cjpeg_header cjpeg_header_of(const cjpeg *jpeg) {
  const struct jpeg_decompress_struct *in = &jpeg->in;
  return (cjpeg_header){
    .width = in->image_width,
    .height = in->image_height,
    .channels = in->num_components,
    .mcu_width = in->max_h_samp_factor * DCTSIZE,
    .mcu_height = in->max_v_samp_factor * DCTSIZE,
    .quality = quality(in->quant_tbl_ptrs[in->comp_info[0].quant_tbl_no & 3]),
  };
}

void cjpeg_close(cjpeg *jpeg) {
  // What was never made has no memory, and nothing is done.
  jpeg_api.jpeg_destroy_compress(&jpeg->out);
  jpeg_api.jpeg_destroy_decompress(&jpeg->in);
  free(jpeg->made);
  free(jpeg);
}
