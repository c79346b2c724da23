/// A plugin in C, from the header alone, that prints the values it is given: what the tests of parsing look at.
let echoPlugin = """
  #include "rtool.h"
  #include <stdio.h>
  #include <string.h>

  static const rtool_choice colors[] = {{"red", "like fire"}, {"green", "like grass"}};

  static const rtool_param params[] = {
    {.name = "input", .help = "a picture", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL},
    {.name = "number", .help = "how many", .kind = RTOOL_INT, .letter = 'n', .initial = 3, .min = 1, .max = 10},
    {.name = "scale", .help = "how large", .kind = RTOOL_REAL, .unit = "px", .initial = 1.5, .min = -2, .max = 8},
    {.name = "flip", .help = "turn it over", .kind = RTOOL_BOOL, .letter = 'f'},
    {.name = "smooth", .help = "make it smooth", .kind = RTOOL_BOOL, .initial = 1},
    {.name = "paint", .help = "which paint", .kind = RTOOL_CHOICE, .choices = colors, .choice_count = 2},
    {.name = "label", .help = "a word", .kind = RTOOL_TEXT, .flags = RTOOL_REPEATED, .letter = 'l'},
    {.name = "class", .help = "what", .kind = RTOOL_CLASS, .flags = RTOOL_AUTO, .letter = 'c'},
    {.name = "tint", .help = "a colour", .kind = RTOOL_COLOR, .initial_text = "#f00"},
    {.name = "at", .help = "a place", .kind = RTOOL_POINT},
    {.name = "area", .help = "a part", .kind = RTOOL_BOX, .flags = RTOOL_REPEATED},
    {.name = "mask", .help = "a mask", .kind = RTOOL_MASK, .letter = 'm'},
    {.name = "secret", .help = "for those who know", .kind = RTOOL_INT, .flags = RTOOL_ADVANCED, .max = 5},
  };
  enum { PARAMS = sizeof params / sizeof params[0] };

  static int numbers_in(uint32_t kind) {
    switch (kind) {
      case RTOOL_CLASS: case RTOOL_POINT: return 2;
      case RTOOL_COLOR: return 3;
      case RTOOL_BOX: return 4;
      default: return 1;
    }
  }

  static int32_t run(const rtool_host *host, const rtool_value *values) {
    char text[8192] = "";
    size_t used = 0;
    for (int k = 0; k < PARAMS; k++) {
      const rtool_value *v = &values[k];
      used += (size_t)snprintf(text + used, sizeof text - used, "%s given=%u count=%u", params[k].name, v->given, v->count);
      for (uint32_t i = 0; v->numbers && i < v->count * (uint32_t)numbers_in(params[k].kind); i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %g", v->numbers[i]);
      for (uint32_t i = 0; v->texts && i < v->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", v->texts[i]);
      for (uint32_t i = 0; v->images && i < v->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %dx%dx%d", (int)v->images[i]->width,
                                 (int)v->images[i]->height, (int)v->images[i]->channels);
      used += (size_t)snprintf(text + used, sizeof text - used, "\\n");
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "seed=%llu\\n", (unsigned long long)host->seed);
    return host->emit_text(host, text);
  }

  static const rtool_preset presets[] = {
    {"usual", "nothing changed", ""}, {"large", "more of all", "number=9 scale=4 paint=green"},
  };

  static const rtool_manifest manifest = {
    .struct_size = sizeof manifest, .abi = RTOOL_ABI, .param_size = sizeof(rtool_param), .param_count = PARAMS,
    .params = params, .name = "echo", .version = "1.2", .summary = "Print what was given",
    .description = "Prints its values.\\n\\nNothing else.", .presets = presets, .preset_count = 2, .run = run,
  };

  RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { (void)host_abi; return &manifest; }
  """
