#include "studio_page.h"

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define SVG "image/svg+xml"

static const unsigned char index_html[] = {
#embed "page/index.html"
};
static const unsigned char announce_js[] = {
#embed "page/announce.js"
};
static const unsigned char api_js[] = {
#embed "page/api.js"
};
static const unsigned char batch_js[] = {
#embed "page/batch.js"
};
static const unsigned char compare_js[] = {
#embed "page/compare.js"
};
static const unsigned char dom_js[] = {
#embed "page/dom.js"
};
static const unsigned char events_js[] = {
#embed "page/events.js"
};
static const unsigned char field_choice_js[] = {
#embed "page/field-choice.js"
};
static const unsigned char field_class_js[] = {
#embed "page/field-class.js"
};
static const unsigned char field_feature_js[] = {
#embed "page/field-feature.js"
};
static const unsigned char field_file_js[] = {
#embed "page/field-file.js"
};
static const unsigned char field_mask_js[] = {
#embed "page/field-mask.js"
};
static const unsigned char field_model_js[] = {
#embed "page/field-model.js"
};
static const unsigned char field_number_js[] = {
#embed "page/field-number.js"
};
static const unsigned char field_simple_js[] = {
#embed "page/field-simple.js"
};
static const unsigned char form_js[] = {
#embed "page/form.js"
};
static const unsigned char history_js[] = {
#embed "page/history.js"
};
static const unsigned char icon_svg[] = {
#embed "page/icon.svg"
};
static const unsigned char icons_js[] = {
#embed "page/icons.js"
};
static const unsigned char keys_js[] = {
#embed "page/keys.js"
};
static const unsigned char main_js[] = {
#embed "page/main.js"
};
static const unsigned char marks_js[] = {
#embed "page/marks.js"
};
static const unsigned char mask_js[] = {
#embed "page/mask.js"
};
static const unsigned char menus_js[] = {
#embed "page/menus.js"
};
static const unsigned char opener_js[] = {
#embed "page/opener.js"
};
static const unsigned char overlays_js[] = {
#embed "page/overlays.js"
};
static const unsigned char panel_js[] = {
#embed "page/panel.js"
};
static const unsigned char picture_js[] = {
#embed "page/picture.js"
};
static const unsigned char pointer_js[] = {
#embed "page/pointer.js"
};
static const unsigned char progress_js[] = {
#embed "page/progress.js"
};
static const unsigned char regions_js[] = {
#embed "page/regions.js"
};
static const unsigned char run_bar_js[] = {
#embed "page/run-bar.js"
};
static const unsigned char runner_js[] = {
#embed "page/runner.js"
};
static const unsigned char runs_js[] = {
#embed "page/runs.js"
};
static const unsigned char session_js[] = {
#embed "page/session.js"
};
static const unsigned char settings_js[] = {
#embed "page/settings.js"
};
static const unsigned char stage_js[] = {
#embed "page/stage.js"
};
static const unsigned char steps_js[] = {
#embed "page/steps.js"
};
static const unsigned char studio_css[] = {
#embed "page/studio.css"
};
static const unsigned char task_picker_js[] = {
#embed "page/task-picker.js"
};
static const unsigned char toolbar_js[] = {
#embed "page/toolbar.js"
};
static const unsigned char tools_js[] = {
#embed "page/tools.js"
};
static const unsigned char variants_js[] = {
#embed "page/variants.js"
};
static const unsigned char viewport_js[] = {
#embed "page/viewport.js"
};

#define FILE_OF(name, type, bytes) { name, type, bytes, sizeof bytes }

static const studio_page_file files[] = {
  FILE_OF("index.html", HTML, index_html),
  FILE_OF("announce.js", SCRIPT, announce_js),
  FILE_OF("api.js", SCRIPT, api_js),
  FILE_OF("batch.js", SCRIPT, batch_js),
  FILE_OF("compare.js", SCRIPT, compare_js),
  FILE_OF("dom.js", SCRIPT, dom_js),
  FILE_OF("events.js", SCRIPT, events_js),
  FILE_OF("field-choice.js", SCRIPT, field_choice_js),
  FILE_OF("field-class.js", SCRIPT, field_class_js),
  FILE_OF("field-feature.js", SCRIPT, field_feature_js),
  FILE_OF("field-file.js", SCRIPT, field_file_js),
  FILE_OF("field-mask.js", SCRIPT, field_mask_js),
  FILE_OF("field-model.js", SCRIPT, field_model_js),
  FILE_OF("field-number.js", SCRIPT, field_number_js),
  FILE_OF("field-simple.js", SCRIPT, field_simple_js),
  FILE_OF("form.js", SCRIPT, form_js),
  FILE_OF("history.js", SCRIPT, history_js),
  FILE_OF("icon.svg", SVG, icon_svg),
  FILE_OF("icons.js", SCRIPT, icons_js),
  FILE_OF("keys.js", SCRIPT, keys_js),
  FILE_OF("main.js", SCRIPT, main_js),
  FILE_OF("marks.js", SCRIPT, marks_js),
  FILE_OF("mask.js", SCRIPT, mask_js),
  FILE_OF("menus.js", SCRIPT, menus_js),
  FILE_OF("opener.js", SCRIPT, opener_js),
  FILE_OF("overlays.js", SCRIPT, overlays_js),
  FILE_OF("panel.js", SCRIPT, panel_js),
  FILE_OF("picture.js", SCRIPT, picture_js),
  FILE_OF("pointer.js", SCRIPT, pointer_js),
  FILE_OF("progress.js", SCRIPT, progress_js),
  FILE_OF("regions.js", SCRIPT, regions_js),
  FILE_OF("run-bar.js", SCRIPT, run_bar_js),
  FILE_OF("runner.js", SCRIPT, runner_js),
  FILE_OF("runs.js", SCRIPT, runs_js),
  FILE_OF("session.js", SCRIPT, session_js),
  FILE_OF("settings.js", SCRIPT, settings_js),
  FILE_OF("stage.js", SCRIPT, stage_js),
  FILE_OF("steps.js", SCRIPT, steps_js),
  FILE_OF("studio.css", CSS, studio_css),
  FILE_OF("task-picker.js", SCRIPT, task_picker_js),
  FILE_OF("toolbar.js", SCRIPT, toolbar_js),
  FILE_OF("tools.js", SCRIPT, tools_js),
  FILE_OF("variants.js", SCRIPT, variants_js),
  FILE_OF("viewport.js", SCRIPT, viewport_js),
};

const size_t studio_page_file_count = sizeof files / sizeof *files;

const studio_page_file *studio_page_file_at(size_t index) { return &files[index]; }
