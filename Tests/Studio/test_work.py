"""The way of a picture: opened, marked, repaired, compared, gone back to, taken away."""

import os
import re
import shutil
import subprocess
from io import BytesIO

import pytest
from conftest import PROGRAM, photo
from PIL import Image


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_photo_is_repaired(start, picture, size, tmp_path):
    studio = start(picture, size)
    assert studio.page.locator("#document-name").inner_text().startswith("photo")
    assert studio.size() == [360, 270]
    red = studio.colour(0.5, 0.52)
    assert red[0] > 120 and red[1] < 90, "the picture is shown"

    studio.choose_task("inpaint")
    studio.paint((0.4, 0.5), (0.6, 0.55))
    assert "is used" in studio.page.locator(".mask-state").inner_text()
    assert studio.page.locator("#undo").is_enabled()
    studio.run()
    studio.wait_for_steps(2)
    assert studio.told("point") and studio.told("progress")
    assert all(event["image"].startswith("data:image/jpeg;base64,") for event in studio.told("frame"))
    assert studio.told("frame"), "iterates arrive"
    assert not studio.overflows()
    studio.show("history")
    assert studio.current().startswith("2. Inpaint")

    studio.page.click("#undo")
    studio.wait(lambda: studio.current().startswith("1."), what="the first step")
    studio.page.click("#redo")
    studio.wait(lambda: studio.current().startswith("2."), what="the second step")


def test_the_command_makes_the_same_file(start, picture, tmp_path):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    studio.run()
    studio.wait_for_steps(2)
    studio.show("history")
    studio.page.get_by_role("button", name="Copy command").click()
    command = studio.page.evaluate("navigator.clipboard.readText()")
    folder = studio.page.locator(".step-details .folder code").text_content()
    with studio.page.expect_download() as download:
        studio.page.locator(".step-details").get_by_role("link", name="Download").click()
    taken = open(download.value.path(), "rb").read()
    again = tmp_path / "again"
    shutil.copytree(folder, again)
    output = re.search(r"(?:-o|--output)[ =](\S+)", command)
    if output:
        (again / output[1]).unlink(missing_ok=True)
    binaries = tmp_path / "bin"
    binaries.mkdir()
    os.symlink(os.path.abspath(PROGRAM[0]), binaries / "rtool")
    printed = subprocess.run(
        command, shell=True, cwd=again, check=True, capture_output=True,
        env={**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}).stdout
    assert (printed if not output else (again / output[1]).read_bytes()) == taken

    # Outside what was marked, nothing of it changed.
    before, after = Image.open(picture).convert("RGB"), Image.open(BytesIO(taken)).convert("RGB")
    assert before.crop((0, 140, 360, 270)).tobytes() == after.crop((0, 140, 360, 270)).tobytes()
    assert before.tobytes() != after.tobytes()


def test_other_formats_are_downloaded(start, picture):
    studio = start(picture)
    studio.page.click("#download")
    with studio.page.expect_download() as download:
        studio.page.get_by_role("link", name="webp", exact=True).click()
    assert Image.open(download.value.path()).format == "WEBP"


def test_a_run_is_stopped(start, picture):
    studio = start(picture)
    studio.choose_task("generate")
    studio.unfold()
    studio.page.get_by_label("Steps", exact=True).first.fill("100000")
    studio.page.keyboard.press("Control+Enter")
    card = studio.page.locator(".run-card")
    card.locator(".plot path.loss[d^=M]").wait_for(state="attached")
    assert card.get_by_role("progressbar").count() == 1
    card.get_by_role("button", name="Stop").click()
    card.wait_for(state="detached")
    assert studio.steps() == 1

    studio.run()
    card.locator(".plot path.loss[d^=M]").wait_for(state="attached")
    card.get_by_role("button", name="Keep").click()
    studio.wait_for_steps(2)
    studio.show("history")
    assert "Stopped early" in studio.page.locator(".step-details").inner_text()
    assert studio.page.get_by_role("button", name="Copy command").count() == 0


def test_strokes_are_undone_before_steps(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    state = studio.page.locator(".mask-state")
    studio.paint()
    studio.page.keyboard.press("Control+z")
    assert "Nothing is marked" in state.inner_text()
    studio.page.keyboard.press("Control+Shift+z")
    assert "is used" in state.inner_text()
    studio.choose_preset("fast")
    studio.run()
    studio.wait_for_steps(2)
    studio.page.locator("#canvas").focus()
    studio.page.keyboard.press("Control+z")
    studio.show("history")
    studio.wait(lambda: studio.current().startswith("1."), what="the first step")


def test_a_reload_keeps_the_history(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    studio.run()
    studio.wait_for_steps(2)
    studio.page.reload()
    studio.ready()
    assert studio.steps() == 2
    studio.show("history")
    assert studio.current().startswith("2.")


def test_two_steps_are_compared(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.page.click("#rail [data-tool=rectangle]")
    studio.drag((0.36, 0.36), (0.64, 0.7))
    studio.run()
    studio.wait_for_steps(2)
    studio.page.click("#compare")
    divider = studio.page.get_by_role("slider", name="Divider between before and after")
    divider.focus()
    studio.page.keyboard.press("End")
    before = studio.colour(0.5, 0.51)
    studio.page.keyboard.press("Home")
    after = studio.colour(0.5, 0.51)
    assert before[0] > before[1] + 60, "the red disc is there before"
    assert after[0] < after[1] + 60, "and filled after"
    studio.page.get_by_role("button", name="End comparing").click()
    assert divider.count() == 0


def test_a_changed_setting_is_tried_on_what_the_task_was_given(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    studio.run()
    studio.wait_for_steps(2)
    studio.page.locator("#live").check()
    studio.page.get_by_label("Context", exact=True).fill("2")
    studio.page.keyboard.press("Tab")
    studio.wait_for_steps(3)
    parents = studio.page.evaluate("""async () => {
      const [document] = await (await fetch("/api/documents")).json();
      const { steps } = await (await fetch(`/api/documents/${document.id}`)).json();
      return steps.map((step) => step.parent ?? null);
    }""")
    assert parents[1] == parents[2] != None  # noqa: E711


def test_a_slider_shows_a_preview(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    slider = studio.page.get_by_role("slider", name="Context, slider")
    slider.focus()
    for _ in range(5):
        studio.page.keyboard.press("ArrowRight")
    studio.page.locator("#preview-note").wait_for()
    assert studio.steps() == 1


def test_live_painting_runs_when_the_pen_is_lifted(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.page.locator("#live-paint").check()
    studio.paint()
    studio.wait_for_steps(2)
    assert "Nothing is marked" in studio.page.locator(".mask-state").inner_text(), "the mask is used up"


def test_seeds_side_by_side(start, picture):
    studio = start(picture)
    studio.choose_task("refine")
    studio.choose_preset("fast")
    studio.page.click("#variants-run")
    cells = studio.page.locator(".variant")
    studio.wait(lambda: cells.count() == 6, 15, "six places")
    studio.wait(lambda: all(cells.nth(k).is_enabled() for k in range(6)), 120, "six variants")
    assert studio.page.locator("#variants-stop").is_hidden(), "nothing is left to stop"
    cells.nth(2).click()
    studio.page.get_by_role("button", name="Choose", exact=True).click()
    studio.show("history")
    studio.wait(lambda: studio.current().startswith("4."), what="the chosen one")
    assert studio.steps() == 7


def test_what_a_task_prints_is_shown(start, picture):
    studio = start(picture)
    studio.choose_task("classify")
    studio.run()
    studio.page.locator("#output").wait_for()
    assert "%" in studio.page.locator("#output-text").inner_text()


def test_an_image_is_made_from_nothing(start):
    studio = start()
    assert studio.page.locator("#home").is_visible()
    studio.choose_task("generate")
    studio.choose_preset("fast")
    studio.run()
    studio.wait_for_steps(1)
    assert studio.page.locator("#home").is_hidden()
    assert studio.size()[0] > 0


def test_the_settings_on_a_folder(start, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(3):
        photo(folder / f"photo {k}.png", 160, 120)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    studio = start(folder, expected=["Failed to load resource"])
    studio.page.locator("#folder-grid .thumb", has_text="photo 1.png").click()
    studio.wait_for_steps(1)
    studio.choose_task("refine")
    studio.choose_preset("fast")
    studio.page.click("#batch-open")
    studio.page.click("#batch-start")
    studio.page.locator("#batch-errors li", has_text="broken.png").wait_for()
    studio.wait(lambda: studio.page.locator("#batch-start").is_enabled(), what="the end")


def test_strokes_made_meanwhile_wait_for_their_turn(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.page.locator("#live-paint").check()
    studio.paint((0.2, 0.3), (0.3, 0.3))
    studio.page.locator(".run-card").wait_for()
    studio.paint((0.7, 0.3), (0.8, 0.3))
    studio.wait_for_steps(3)
    studio.show("history")
    steps = studio.page.evaluate("""async () => {
      const [document] = await (await fetch("/api/documents")).json();
      return (await (await fetch(`/api/documents/${document.id}`)).json()).steps;
    }""")
    assert steps[2]["parent"] == steps[1]["id"], "the second is made of the first"


def runs_asked_for(studio):
    """What is asked of the server from now on."""
    asked = []
    studio.page.on("request", lambda request: request.url.endswith("/runs") and asked.append(request.post_data_json))
    return asked


def test_a_double_click_makes_one_run(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    asked = runs_asked_for(studio)
    studio.page.dblclick("#run")
    studio.wait_for_steps(2)
    assert len(asked) == 1


def test_variants_are_made_of_what_the_task_was_given(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    studio.run()
    studio.wait_for_steps(2)
    asked = runs_asked_for(studio)
    views = []
    studio.page.on("request", lambda request: "max=512" in request.url and views.append(request.url))
    studio.page.click("#variants-run")
    studio.wait_for_steps(8, 120)
    assert asked[0]["step"] == 1
    studio.wait(lambda: len(views) == 6, 15, "six pictures")
    assert all("&w=" in address for address in views), "the marked part is shown"


def test_a_reload_keeps_settings_and_mask(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.paint()
    context = studio.page.get_by_label("Context", exact=True)
    context.fill("3")
    context.press("Tab")
    studio.page.reload()
    studio.ready()
    assert context.input_value() == "3"
    state = studio.page.locator(".mask-state")
    studio.wait(lambda: "is used" in state.inner_text(), 10, "the mask")
    bounds = studio.page.evaluate("async () => (await import('/mask.js')).mask.bounds")
    assert abs(bounds["x"] + bounds["w"] / 2 - 0.4 * 360) < 8


def test_a_mask_that_is_used_is_seen(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    studio.paint()
    shown = studio.page.locator("#mask-show[aria-pressed=true]")
    studio.run()
    studio.wait_for_steps(2)
    studio.page.locator("#mask-show[aria-pressed=false]").wait_for()
    studio.choose_task("refine")
    shown.wait_for()


def test_a_batch_that_goes_on_is_shown_after_a_reload(start, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(8):
        photo(folder / f"photo {k}.png", 640, 480)
    studio = start(folder)
    studio.page.locator("#folder-grid .thumb", has_text="photo 1.png").click()
    studio.wait_for_steps(1)
    studio.choose_task("refine")
    studio.page.click("#batch-open")
    assert "not used" in studio.page.locator("#batch-what").inner_text()
    studio.page.click("#batch-start")
    studio.page.locator("#batch-stop").wait_for()
    studio.page.reload()
    studio.ready()
    studio.page.locator(".run-card").wait_for()
    studio.page.click("#batch-open")
    assert studio.page.locator("#batch-start").is_disabled()
    studio.page.click("#batch-stop")
    studio.page.locator("#batch-result", has_text="Stopped").wait_for()
    assert studio.page.locator("#batch-start").is_enabled()
