"""Forms made from manifests, those of foreign plugins as well, and errors where they belong."""

import os
import shutil
import subprocess

import pytest
from conftest import REPOSITORY

PLUGIN = r"""
#include "rtool.h"

enum { PHOTO, AMOUNT, FLAVOUR, INK, PLACE, MASK, PARAMS };
static const rtool_choice flavours[] = { { "plain", "as it is" }, { "tangy", "with a little more red" } };
static const rtool_param params[PARAMS] = {
  [PHOTO] = { .name = "image", .help = "the photo", .kind = RTOOL_IMAGE, .flags = RTOOL_POSITIONAL | RTOOL_REQUIRED },
  [AMOUNT] = { .name = "how-much", .help = "how much of it", .kind = RTOOL_REAL, .unit = "%", .initial = 40, .min = 0,
               .max = 100, .soft_min = 0, .soft_max = 80 },
  [FLAVOUR] = { .name = "flavour", .help = "which one", .kind = RTOOL_CHOICE, .choices = flavours, .choice_count = 2 },
  [INK] = { .name = "ink", .help = "its colour", .kind = RTOOL_COLOR, .initial_text = "#ff8800" },
  [PLACE] = { .name = "place", .help = "where it begins", .kind = RTOOL_POINT, .flags = RTOOL_ADVANCED,
              .group = "Rarely needed" },
  [MASK] = { .name = "mask", .help = "where to do it", .kind = RTOOL_MASK },
};
static const rtool_preset presets[] = { { "mild", "little of it", "" }, { "strong", "much of it", "how-much=75" } };

static rtool_status run(const rtool_host *host, const rtool_value *values) {
  const rtool_image *photo = values[PHOTO].images[0];
  rtool_image *out = host->image_new(host, photo->width, photo->height, 3);
  if (!out) return RTOOL_FAILED;
  const float share = (float)(values[AMOUNT].numbers[0] / 100);
  for (int y = 0; y < photo->height; y++)
    for (int x = 0; x < photo->width; x++)
      for (int c = 0; c < 3; c++)
        out->data[y * out->stride + x * 3 + c] =
          photo->data[y * photo->stride + x * photo->channels + c] * (1 - share) + (float)values[INK].numbers[c] * share;
  rtool_result result = { .struct_size = sizeof result, .piece_count = 0, .over = NULL };
  rtool_piece piece = { 0, 0, out };
  result.over = photo;
  result.pieces = &piece;
  result.piece_count = 1;
  return host->emit(host, &result);
}

static const rtool_manifest manifest = {
  .struct_size = sizeof manifest, .abi = RTOOL_ABI, .built_with = RTOOL_ABI, .param_size = sizeof(rtool_param),
  .param_count = PARAMS, .params = params, .name = "marinade", .version = "1.0", .summary = "Steep a photo in a colour",
  .run = run, .preset_count = 2, .presets = presets, .flags = RTOOL_NO_ASCENT,
};

RTOOL_EXPORT const rtool_manifest *rtool_plugin(uint32_t host_abi) { return (void)host_abi, &manifest; }
"""


@pytest.fixture
def plugins(tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    source = folder / "marinade.c"
    source.write_text(PLUGIN)
    compiler = shutil.which("cc") or shutil.which("clang") or shutil.which("gcc")
    subprocess.run(
        [compiler, "-std=c99", "-shared", "-fPIC", "-I", REPOSITORY / "Sources/CRTool/include", "-o",
         folder / "librtool-marinade.so", source], check=True)
    return folder


def test_a_foreign_plugin_has_its_form(start, picture, plugins):
    studio = start(picture, environment={"RTOOL_PATH": str(plugins)})
    studio.choose_task("marinade")
    form = studio.page.locator("#form")
    assert "Steep a photo in a colour" in form.inner_text()
    amount = form.get_by_label("How much", exact=True)
    assert amount.get_attribute("placeholder") == "40"
    assert form.get_by_role("slider", name="How much, slider").get_attribute("aria-valuetext") == "40 %"
    studio.choose_preset("strong")
    assert amount.get_attribute("placeholder") == "75", "the preset's values are shown"
    assert form.get_by_role("radiogroup", name="Flavour").get_by_role("radio").count() == 2
    form.get_by_role("radio", name="tangy").click()
    assert "with a little more red" in form.inner_text()
    assert form.get_by_label("Ink", exact=True).get_attribute("placeholder") == "#ff8800"
    form.get_by_text("Rarely needed").click()
    form.get_by_role("button", name="Place", exact=True).click()
    studio.page.mouse.click(*studio.at(0.5, 0.5))
    assert form.get_by_label("Place 1", exact=True).or_(form.locator(".entries input")).first.input_value() == "180,135"

    sent = []
    studio.page.on("request", lambda request: request.url.endswith("/runs") and sent.append(request.post_data_json))
    studio.run()
    studio.wait_for_steps(2)
    assert sent[0]["parameters"] == {"preset": ["strong"], "flavour": ["tangy"], "place": ["180,135"]}
    assert sent[0]["masks"] == {}
    r, g, b = studio.colour(0.1, 0.8)
    assert r > 180 and b < 80, "it is steeped in orange"


def test_what_is_reset_is_not_sent(start, picture):
    studio = start(picture)
    studio.choose_task("refine")
    radius = studio.page.get_by_label("Radius", exact=True)
    studio.unfold()
    radius.fill("3")
    radius.press("Tab")
    studio.page.get_by_role("button", name="Reset Radius").click()
    assert radius.input_value() == ""
    sent = []
    studio.page.on("request", lambda request: request.url.endswith("/runs") and sent.append(request.post_data_json))
    studio.choose_preset("fast")
    studio.run()
    studio.wait_for_steps(2)
    assert sent[0]["parameters"] == {"preset": ["fast"]}


def test_classes_are_found_and_mixed(start, picture):
    studio = start(picture)
    studio.choose_task("translate")
    search = studio.page.get_by_role("combobox", name="To", exact=True)
    for word in ("glac", "sea"):
        search.fill(word)
        search.press("Enter")
    studio.page.get_by_label("Weight of sea").fill("2")
    studio.page.get_by_label("Weight of sea").press("Tab")
    sent = []
    studio.page.on("request", lambda request: request.url.endswith("/runs") and sent.append(request.post_data_json))
    studio.choose_preset("fast")
    studio.run()
    studio.wait(lambda: sent, 10, "the request")
    assert sent[0]["parameters"]["to"] == ["glacier:1,sea:2"]
    studio.wait_for_steps(2)


def test_a_feature_is_chosen_by_its_picture(start, picture):
    studio = start(picture)
    studio.choose_task("paint")
    studio.page.get_by_role("button", name="Choose", exact=True).click()
    studio.page.fill("#features-search", "flower")
    tile = studio.page.locator(".feature").first
    name = tile.locator("strong").inner_text()
    studio.wait(lambda: tile.locator("img").evaluate("image => image.naturalWidth") > 0, 60, "a picture")
    assert name.startswith("flower"), "names come first"
    tile.click()
    assert studio.page.get_by_role("textbox", name="Feature", exact=True).input_value() == name


def test_what_is_typed_before_the_features_are_there_counts(start, picture):
    studio = start(picture)
    studio.page.evaluate("""() => {
      const real = window.fetch;
      window.fetch = async (...request) => {
        const answer = await real(...request);
        if (String(request[0]).includes("/features")) await new Promise((done) => setTimeout(done, 500));
        return answer;
      };
    }""")
    studio.choose_task("paint")
    studio.page.get_by_role("button", name="Choose", exact=True).click()
    studio.page.fill("#features-search", "flower")
    assert studio.page.locator(".feature").first.locator("strong").inner_text().startswith("flower")


def test_a_second_photo_is_given(start, picture, tmp_path):
    studio = start(picture)
    studio.choose_task("compare")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="choose a file").first.click()
    chooser.value.set_files(picture)
    studio.page.locator(".file-names", has_text="photo").first.wait_for()
    studio.run()
    studio.page.locator("#output").wait_for()


def test_files_of_another_document_are_forgotten(start, picture, tmp_path):
    from conftest import photo

    studio = start(picture)
    studio.choose_task("compare")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.get_by_role("button", name="choose a file").first.click()
    chooser.value.set_files(picture)
    names = studio.page.locator(".file-names").first
    studio.wait(lambda: "photo" in names.inner_text(), 10, "the file")
    studio.page.click("#open")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.click("#choose-file")
    chooser.value.set_files(photo(tmp_path / "other.png"))
    studio.wait(lambda: "photo" not in names.inner_text(), 10, "an empty field")


def test_an_error_is_the_command_lines_sentence(start, picture):
    studio = start(picture, expected=["Failed to load resource"])
    studio.choose_task("inpaint")
    studio.paint()
    context = studio.page.get_by_label("Context", exact=True)
    context.fill("5000")
    context.press("Tab")
    studio.run()
    studio.wait(studio.error, 20, "the error")
    assert "context" in studio.error() and "10" in studio.error()
    context.fill("2")
    context.press("Tab")
    assert not studio.error(), "it goes with its reason"


def test_what_is_no_image_is_refused_where_it_is_dropped(start, tmp_path):
    studio = start(expected=["Failed to load resource"])
    path = tmp_path / "notes.jpg"
    path.write_text("no image at all")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.click("#choose-file")
    chooser.value.set_files(path)
    studio.page.locator("#home-error:not(:empty)").wait_for()
    assert studio.page.locator("#home").is_visible()


def test_an_empty_file_is_refused(start, tmp_path):
    studio = start(expected=["Failed to load resource"])
    path = tmp_path / "nothing.jpg"
    path.write_bytes(b"")
    with studio.page.expect_file_chooser() as chooser:
        studio.page.click("#choose-file")
    chooser.value.set_files(path)
    studio.page.locator("#home-error", has_text="nothing.jpg is empty").wait_for()


def test_names_are_no_markup(start, tmp_path):
    from conftest import photo

    path = photo(tmp_path / "<img src=x onerror=alert(1)>.png")
    studio = start(path)
    assert "onerror" in studio.page.locator("#document-name").inner_text()
    assert studio.page.locator("#document-name img").count() == 0
