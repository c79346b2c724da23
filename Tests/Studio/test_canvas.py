"""The canvas: its tools, and what of a mask and of a large photo goes over the wire."""

from urllib.parse import parse_qs, urlparse

import pytest
from conftest import photo
from PIL import Image


def sent_masks(studio):
    """Where the masks lie that are sent from now on."""
    sent = []

    def listen(request):
        if request.method == "POST" and "/masks" in request.url:
            sent.append({name: int(value[0]) for name, value in parse_qs(urlparse(request.url).query).items()})

    studio.page.on("request", listen)
    return sent


def run_with_mask(studio, sent):
    """The rectangle that was sent, and what the server made of it there."""
    count = studio.steps()
    studio.run()
    studio.wait_for_steps(count + 1)
    query = sent[-1]
    masks = sorted(studio.server.state.glob("**/mask-*.png"), key=lambda path: path.stat().st_mtime_ns)
    whole = Image.open(masks[-1]).convert("L")
    assert whole.size == tuple(studio.size())
    area = (query["x"], query["y"], query["x"] + query["w"], query["y"] + query["h"])
    outside = whole.copy()
    outside.paste(0, area)
    assert outside.getbbox() is None, "nothing is marked elsewhere"
    return query, whole.crop(area)


def prepare(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.choose_preset("fast")
    return studio, sent_masks(studio)


def test_only_what_is_marked_is_sent(start, picture):
    studio, sent = prepare(start, picture)
    studio.page.click("#rail [data-tool=rectangle]")
    studio.drag((0.25, 0.2), (0.5, 0.4))
    query, mask = run_with_mask(studio, sent)
    assert abs(query["x"] - 90) <= 1 and abs(query["y"] - 54) <= 1
    assert abs(query["w"] - 90) <= 2 and abs(query["h"] - 54) <= 2
    assert mask.size == (query["w"], query["h"])
    assert mask.getextrema() == (255, 255)


def test_a_part_is_taken_away(start, picture):
    studio, sent = prepare(start, picture)
    studio.page.click("#rail [data-tool=rectangle]")
    studio.drag((0.25, 0.2), (0.5, 0.4))
    studio.page.locator("#subtracts").check()
    studio.drag((0.25, 0.2), (0.375, 0.5))
    query, mask = run_with_mask(studio, sent)
    assert abs(query["x"] - 135) <= 1 and abs(query["w"] - 45) <= 2


def test_the_brush_and_its_eraser(start, picture):
    studio, sent = prepare(start, picture)
    studio.page.locator("#canvas").focus()
    studio.paint((0.3, 0.3), (0.6, 0.3))
    studio.page.click("#rail [data-tool=eraser]")
    studio.drag((0.45, 0.2), (0.45, 0.4))
    query, mask = run_with_mask(studio, sent)
    row = [mask.getpixel((x, mask.height // 2)) for x in range(mask.width)]
    middle = round(0.45 * 360) - query["x"]
    assert row[middle] == 0 and max(row[: middle - 15]) == 255 and max(row[middle + 15 :]) == 255


def test_a_lasso(start, picture):
    studio, sent = prepare(start, picture)
    studio.page.click("#rail [data-tool=lasso]")
    studio.drag((0.2, 0.2), (0.4, 0.2), (0.2, 0.5))
    query, mask = run_with_mask(studio, sent)
    assert mask.getpixel((3, 3)) == 255 and mask.getpixel((mask.width - 3, mask.height - 3)) == 0


def test_selection_by_colour_grown_inverted(start, picture):
    studio, sent = prepare(start, picture)
    studio.page.click("#rail [data-tool=magic]")
    studio.page.mouse.click(*studio.at(0.5, 0.52))
    studio.wait(lambda: "is used" in studio.page.locator(".mask-state").inner_text(), 15, "the selection")
    query, mask = run_with_mask(studio, sent)
    width, height = 0.2 * 360, 0.25 * 270
    assert abs(query["w"] - width) < 8 and abs(query["h"] - height) < 8, "the red disc"
    studio.page.get_by_role("button", name="More for the mask").click()
    studio.page.locator("#mask-amount").fill("10")
    studio.page.click("#mask-grow")
    studio.page.keyboard.press("Escape")
    grown, _ = run_with_mask(studio, sent)
    assert abs(grown["w"] - query["w"] - 20) <= 2
    studio.page.get_by_role("button", name="Invert the mask").click()
    whole, inverse = run_with_mask(studio, sent)
    assert (whole["w"], whole["h"]) == (360, 270)
    assert inverse.getpixel((180, 140)) == 0 and inverse.getpixel((2, 2)) == 255


def test_feather_and_shrink(start, picture):
    studio, sent = prepare(start, picture)
    studio.page.click("#rail [data-tool=rectangle]")
    studio.drag((0.25, 0.25), (0.75, 0.75))
    studio.page.get_by_role("button", name="More for the mask").click()
    studio.page.locator("#mask-amount").fill("20")
    studio.page.click("#mask-shrink")
    studio.page.click("#mask-feather")
    studio.page.keyboard.press("Escape")
    query, mask = run_with_mask(studio, sent)
    levels = {mask.getpixel((x, mask.height // 2)) for x in range(mask.width)}
    assert len(levels) > 10, "the border fades"
    assert mask.getpixel((mask.width // 2, mask.height // 2)) == 255


def test_the_mask_is_saved_and_read_again(start, picture, tmp_path):
    studio, sent = prepare(start, picture)
    studio.paint()
    more = studio.page.get_by_role("button", name="More for the mask")
    more.click()
    with studio.page.expect_download() as download:
        studio.page.click("#mask-save")
    path = tmp_path / "mask.png"
    download.value.save_as(path)
    saved = Image.open(path).convert("L")
    assert saved.size == (360, 270) and saved.getextrema() == (0, 255)
    studio.page.get_by_role("button", name="Clear the mask").click()
    more.click()
    with studio.page.expect_file_chooser() as chooser:
        studio.page.click("#mask-file")
    chooser.value.set_files(path)
    studio.wait(lambda: "is used" in studio.page.locator(".mask-state").inner_text(), 15, "the mask")
    query, mask = run_with_mask(studio, sent)
    box = saved.getbbox()
    assert (query["x"], query["y"]) == box[:2]
    difference = max(abs(a - b) for a, b in zip(mask.tobytes(), saved.crop((*box[:2], box[0] + query["w"], box[1] + query["h"])).tobytes()))
    assert difference <= 2


def test_a_mask_from_transparency(start, tmp_path):
    studio, sent = prepare(start, photo(tmp_path / "photo.png", alpha=True))
    studio.page.get_by_role("button", name="More for the mask").click()
    studio.page.click("#mask-alpha")
    studio.wait(lambda: "is used" in studio.page.locator(".mask-state").inner_text(), 15, "the mask")
    query, mask = run_with_mask(studio, sent)
    assert (query["x"], query["y"], query["w"], query["h"]) == (20, 20, 60, 40)


def test_zoom_and_pan(start, picture):
    studio = start(picture)
    zoom = studio.page.locator("#zoom-value")
    # The picture is small, so that it is enlarged once it is there.
    studio.wait(lambda: zoom.inner_text() != "100 %", 5, "the fitted picture")
    first = zoom.inner_text()
    studio.page.locator("#canvas").focus()
    studio.page.keyboard.press("+")
    assert zoom.inner_text() != first
    studio.page.keyboard.press("0")
    assert zoom.inner_text() == first
    studio.page.mouse.move(*studio.at(0.5, 0.5))
    studio.page.mouse.wheel(0, -200)
    studio.wait(lambda: zoom.inner_text() != first, 5, "another zoom")
    studio.page.keyboard.press("1")
    assert zoom.inner_text() == "100 %"


def test_a_box_is_drawn(start, picture):
    studio = start(picture)
    studio.choose_task("inpaint")
    studio.page.get_by_role("button", name="Draw", exact=True).click()
    studio.drag((0.25, 0.2), (0.5, 0.4))
    box = [int(n) for n in studio.page.get_by_label("Box 1", exact=True).input_value().split(",")]
    assert all(abs(a - b) <= 1 for a, b in zip(box, (90, 54, 90, 54)))


def test_a_large_photo_comes_in_parts(start, tmp_path):
    path = tmp_path / "large.jpg"
    photo(tmp_path / "small.png").rename(tmp_path / "s.png")
    Image.open(tmp_path / "s.png").resize((8640, 5760)).save(path, quality=85)
    studio = start(path)
    views = []
    studio.page.on("response", lambda reply: "/view?" in reply.url and views.append(reply.url))
    studio.page.mouse.move(*studio.at(0.5, 0.5))
    for _ in range(12):
        studio.page.mouse.wheel(0, -120)
    detail = lambda: [url for url in views if "&w=" in url]
    studio.wait(detail, 30, "a part of the photo")
    query = {name: int(value[0]) for name, value in parse_qs(urlparse(detail()[-1]).query).items()}
    assert query["w"] < 8640 and query["max"] <= 2600


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_two_fingers_zoom(start, picture, size):
    studio = start(picture, size)
    zoom = studio.page.locator("#zoom-value")
    first = zoom.inner_text()
    x, y = studio.at(0.5, 0.5)
    session = studio.page.context.new_cdp_session(studio.page)
    def touch(kind, *points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": px, "y": py, "id": k} for k, (px, py) in enumerate(points)]})
    touch("touchStart", (x - 20, y))
    touch("touchStart", (x - 20, y), (x + 20, y))
    for k in range(1, 6):
        touch("touchMove", (x - 20 - 10 * k, y), (x + 20 + 10 * k, y))
    touch("touchEnd")
    assert int(zoom.inner_text().split()[0]) > int(first.split()[0]) * 1.8
