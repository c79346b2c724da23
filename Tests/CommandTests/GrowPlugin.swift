/// A plugin in C that follows the gradient to a class from its seed distribution, and hands over as much as it is told
/// to: what the tests of sheets, frames and series look at.
let growPlugin = """
  #include "rtool.h"
  #include <stdio.h>

  enum { CLASS, STEPS, IMAGES, DURATION, GROWTH, CAPTION, TEXT, PARAMS };

  static const rtool_param params[PARAMS] = {
    [CLASS] = {.name = "class", .help = "what", .kind = RTOOL_CLASS, .initial_text = "sea"},
    [STEPS] = {.name = "steps", .help = "of the ascent, 0: none", .kind = RTOOL_INT, .initial = 6, .max = 1000},
    [IMAGES] = {.name = "images", .help = "how many", .kind = RTOOL_INT, .initial = 1, .max = 100},
    [DURATION] = {.name = "duration", .help = "of a frame", .kind = RTOOL_INT, .min = -1, .max = 1000},
    [GROWTH] = {.name = "growth", .help = "of each image over the one before", .kind = RTOOL_INT, .max = 9},
    [CAPTION] = {.name = "caption", .help = "of all images", .kind = RTOOL_TEXT},
    [TEXT] = {.name = "text", .help = "to print", .kind = RTOOL_TEXT},
  };

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    int32_t side = 64, status = RTOOL_OK;
    rtool_image *image = host->class_seed(host, (int32_t)values[CLASS].numbers[0], 0, side, side);
    if (!image) return RTOOL_FAILED;
    int32_t steps = (int32_t)values[STEPS].numbers[0];
    if (steps > 0) {
      rtool_class_weight towards = {(int32_t)values[CLASS].numbers[0], 1.0};
      rtool_term term = {.kind = RTOOL_TERM_CLASS, .weight = 1, .classes = &towards, .class_count = 1};
      rtool_objective objective = {.struct_size = sizeof objective, .term_size = sizeof term, .terms = &term,
                                   .term_count = 1};
      rtool_ascent ascent = {.struct_size = sizeof ascent, .start = image, .count = 1, .steps = steps,
                             .step_size = 1, .set = RTOOL_SET_BOX};
      rtool_outcome outcome = {.struct_size = sizeof outcome};
      if ((status = host->ascend(host, &objective, &ascent, &outcome)) != RTOOL_OK) return status;
      image = host->image_resize(host, outcome.images, side, side, RTOOL_FILTER_CUBIC);
    }
    if (values[TEXT].count) {
      if ((status = host->emit_text(host, host->json ? values[TEXT].texts[0] : "plain\\n")) != RTOOL_OK) return status;
    }
    for (int32_t i = 0; i < (int32_t)values[IMAGES].numbers[0] && status == RTOOL_OK; i++) {
      int32_t now = side + i * (int32_t)values[GROWTH].numbers[0];
      rtool_piece piece = {0, 0, host->image_resize(host, host->blur(host, image, i), now, now, RTOOL_FILTER_CUBIC)};
      rtool_result result = {.struct_size = sizeof result, .pieces = &piece, .piece_count = 1,
                             .caption = values[CAPTION].count ? values[CAPTION].texts[0] : NULL,
                             .frame_duration = (int32_t)values[DURATION].numbers[0]};
      status = host->emit(host, &result);
    }
    return status;
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = PARAMS,
    .params = params, .name = "grow", .version = "1", .summary = "Grow an image of a class", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """

/// A plugin in C that hands its input over as it is.
let copyPlugin = """
  #include "rtool.h"

  static const rtool_param params[] = {
    {.name = "input", .help = "a picture", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED},
  };

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    rtool_result result = {.struct_size = sizeof result, .over = values[0].images[0]};
    return host->emit(host, &result);
  }

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = 1,
    .params = params, .name = "copy", .version = "1", .summary = "Copy an image", .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """
