/* nudge - a whole plugin in plain C, from rtool.h alone: it moves a photo towards a class, as the task translate does.
 *
 *     cc -shared -fPIC -I ../../Sources/CRTool/include -o librtool-nudge.so nudge.c
 *     RTOOL_PATH=$PWD rtool nudge photo.jpg --class sea -o nudged.jpg */
#include "rtool.h"

enum { IMAGE, CLASS, MASK, STRENGTH, ASCENT, PARAMS };

static const rtool_param params[PARAMS] = {
  [IMAGE] = { .name = "image", .help = "the photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED },
  [CLASS] = { .name = "class", .letter = 'c', .help = "what it becomes", .kind = RTOOL_CLASS, .flags = RTOOL_REQUIRED },
  [MASK] = { .name = "mask", .help = "where to change it", .kind = RTOOL_MASK },
  [STRENGTH] = { .name = "strength", .help = "how much of the change is taken over", .kind = RTOOL_REAL,
                 .initial = 1, .max = 100 },
  [ASCENT] = { .name = "ascent", .help = "the options of an ascent", .kind = RTOOL_ASCENT,
               .initial_text = "steps=60 step-size=1 radius=25 jitter=4 levels=4 pass-relu=on" },
};

static rtool_status run(const rtool_host *host, const rtool_value *values) {
  /* The model knows what its classes look like at its own size: the photo is worked on there. */
  rtool_working_copy copy = { .struct_size = sizeof copy, .flags = RTOOL_COPY_AROUND_MASK, .context = 0.75,
                              .photo = values[IMAGE].images[0],
                              .mask = values[MASK].count ? values[MASK].images[0] : NULL };
  rtool_status status = host->working_copy(host, &copy);
  if (status != RTOOL_OK) return status;

  rtool_class_weight *towards = host->alloc(host, values[CLASS].count * sizeof *towards);
  if (!towards) return RTOOL_FAILED;
  for (uint32_t i = 0; i < values[CLASS].count; i++)
    towards[i] = (rtool_class_weight){ (int32_t)values[CLASS].numbers[2 * i], values[CLASS].numbers[2 * i + 1] };
  rtool_term terms[] = { { .kind = RTOOL_TERM_CLASS, .weight = 1, .classes = towards, .class_count = values[CLASS].count },
                         { .kind = RTOOL_TERM_SMOOTHNESS } };
  rtool_ascent ascent = { .struct_size = sizeof ascent, .start = copy.image, .count = 1, .free = copy.region,
                          .place_x = copy.x, .place_y = copy.y, .place_width = copy.seen->width,
                          .place_height = copy.seen->height };
  status = host->ascent_options(host, &values[ASCENT], copy.image->width, copy.image->height, &ascent,
                                &terms[1].weight);
  if (status != RTOOL_OK) return status;

  const rtool_objective objective = { sizeof objective, sizeof *terms, terms, terms[1].weight > 0 ? 2 : 1 };
  rtool_outcome outcome = { .struct_size = sizeof outcome };
  status = host->ascend(host, &objective, &ascent, &outcome);
  if (status != RTOOL_OK) return status;

  /* The change is carried to the photo's own size, along its edges. */
  const double strength = values[STRENGTH].numbers[0];
  const rtool_piece piece = { copy.x, copy.y, host->working_result(host, &copy, outcome.images, strength) };
  if (!piece.image) return RTOOL_FAILED;
  rtool_result result = { .struct_size = sizeof result, .piece_count = 1, .over = copy.photo, .pieces = &piece };
  return host->emit(host, &result);
}

static const rtool_manifest manifest = {
  .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = PARAMS,
  .params = params, .name = "nudge", .version = "2.0", .summary = "Move a photo towards a class", .run = run,
  .built_with = RTOOL_ABI,
};

RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { return (void)host_abi, &manifest; }
