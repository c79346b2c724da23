/*
 * nudge - a whole plugin in plain C, from rtool.h alone: it moves an image towards a class.
 *
 *     cc -shared -fPIC -I ../../Sources/CRTool/include -o librtool-nudge.so nudge.c
 *     RTOOL_PATH=$PWD rtool nudge photo.jpg --class sea
 */
#include "rtool.h"

enum { IMAGE, CLASS, STRENGTH, PARAMS };

static const rtool_param params[PARAMS] = {
  [IMAGE] = { .name = "image", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED,
              .help = "the photo" },
  [CLASS] = { .name = "class", .letter = 'c', .kind = RTOOL_CLASS, .flags = RTOOL_REQUIRED,
              .help = "what to move it towards" },
  [STRENGTH] = { .name = "strength", .kind = RTOOL_REAL, .initial = 8, .max = 100,
                 .help = "how far it may go (L2), for an image of the model's side" },
};

static int32_t run(const rtool_host *host, const rtool_value *values) {
  const rtool_image *photo = values[IMAGE].images[0];
  int32_t side = host->model->side;

  /* The model knows what its classes look like at its own side; the change is carried back to the photo. */
  rtool_image *small = host->image_resize(host, photo, side, side, RTOOL_FILTER_CUBIC);
  if (!small) return RTOOL_FAILED;

  rtool_class_weight towards = { (int32_t)values[CLASS].numbers[0], 1.0 };
  rtool_term term = { .kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1 };
  rtool_objective objective = { .struct_size = sizeof objective, .term_size = sizeof term,
                                .terms = &term, .term_count = 1 };
  double radius = values[STRENGTH].numbers[0];
  rtool_ascent ascent = { .struct_size = sizeof ascent, .start = small, .count = 1, .steps = 40,
                          .step_size = radius / 10, .set = RTOOL_SET_L2, .radius = radius };
  rtool_outcome outcome = { .struct_size = sizeof outcome };
  int32_t status = host->ascend(host, &objective, &ascent, &outcome);
  if (status != RTOOL_OK) return status;

  rtool_image *before = host->image_resize(host, small, photo->width, photo->height, RTOOL_FILTER_CUBIC);
  rtool_image *after = host->image_resize(host, outcome.images, photo->width, photo->height, RTOOL_FILTER_CUBIC);
  if (!before || !after) return RTOOL_FAILED;
  for (int32_t y = 0; y < photo->height; y++) {
    for (int32_t x = 0; x < 3 * photo->width; x++) {
      float value = photo->data[(size_t)y * (size_t)photo->stride + (size_t)x];
      float *changed = &after->data[(size_t)y * (size_t)after->stride + (size_t)x];
      *changed += value - before->data[(size_t)y * (size_t)before->stride + (size_t)x];
      if (*changed < 0) *changed = 0;
      if (*changed > 1) *changed = 1;
    }
  }

  rtool_piece piece = { 0, 0, after };
  rtool_result result = { .struct_size = sizeof result, .over = photo, .pieces = &piece, .piece_count = 1 };
  return host->emit(host, &result);
}

static const rtool_manifest manifest = {
  .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param),
  .param_count = PARAMS, .params = params, .name = "nudge", .version = "1.0",
  .summary = "Move an image towards a class", .run = run,
};

RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) {
  (void)host_abi;
  return &manifest;
}
