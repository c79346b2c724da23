"""Starts `rtool studio` on a picture that is made here, and a browser on its page.

RTOOL names the program, CHROMIUM the browser; by default they are those of this repository's build and of Debian.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RTOOL", str(REPOSITORY / ".build/release/rtool")).split()
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


def photo(path, width=360, height=270, alpha=False):
    """A picture with areas, edges and some grain, the same each time."""
    image = Image.effect_noise((width, height), 60).convert("RGB").filter(ImageFilter.GaussianBlur(1))
    draw = ImageDraw.Draw(image, "RGBA")
    draw.rectangle((0, 0, width, height // 2), fill=(90, 150, 220, 200))
    draw.rectangle((0, height // 2, width, height), fill=(70, 130, 60, 170))
    draw.ellipse((width * 0.4, height * 0.4, width * 0.6, height * 0.65), fill=(200, 40, 40, 255))
    if alpha:
        image.putalpha(Image.new("L", image.size, 255))
        ImageDraw.Draw(image).rectangle((20, 20, 79, 59), fill=(0, 0, 0, 0))
    image.save(path)
    return path


class Server:
    """A running `rtool studio`."""

    def __init__(self, folder, what=None, environment=None):
        self.state = folder / "state"
        arguments = ["studio", "--no-browser", "--port", "0", "--state", str(self.state)]
        self.log = open(folder / "studio.log", "w")
        self.process = subprocess.Popen(
            PROGRAM + arguments + ([str(what)] if what else []), stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **(environment or {})})
        self.address = self.process.stdout.readline().strip()
        assert ".localhost:" in self.address, self.fate()

    def fate(self):
        """What became of it, for messages."""
        self.log.flush()
        return f"exit status {self.process.poll()}, and it said: {Path(self.log.name).read_text()!r}"

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.stdout.close()
        self.log.close()


class Studio:
    """The page in a browser, and what a user does with it."""

    def __init__(self, page, server):
        self.page, self.server, self.problems = page, server, []
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda line: line.type in ("error", "warning") and self.problems.append(line.text))

    def load(self):
        self.page.goto(self.server.address)
        self.ready()
        # What the server tells of runs, for the test to look at.
        self.page.evaluate("""() => {
          window.told = [];
          new EventSource("/api/events").onmessage = ({ data }) => window.told.push(JSON.parse(data));
        }""")
        return self

    def ready(self):
        self.page.wait_for_selector("body[data-ready]", state="attached")

    def told(self, kind):
        return [event for event in self.page.evaluate("window.told") if event["kind"] == kind]

    def wait(self, condition, seconds=60, what="what was waited for"):
        for _ in range(int(seconds * 10)):
            if condition():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(
            f"{what} did not come in {seconds} s; the page says: {self.error()!r}; the server: {self.server.fate()}")

    def error(self):
        return self.page.locator("#run-error").inner_text()

    def choose_task(self, name):
        self.show("task")
        self.page.click("#task-button")
        self.page.fill("#tasks-search", name)
        self.page.locator("#tasks-list strong", has_text=re.compile(f"^{name}", re.I)).first.click()

    def choose_preset(self, name):
        self.page.get_by_role("radio", name=name, exact=True).first.click()

    def show(self, tab):
        self.page.click(f"#tab-{tab}")

    def at(self, x, y):
        """A place of the picture, from 0 to 1, on the screen."""
        box = self.page.locator("#canvas").bounding_box()
        size = self.size()
        margin = min(32, box["width"] * 0.04)
        scale = min((box["width"] - 2 * margin) / size[0], (box["height"] - 2 * margin) / size[1], 2)
        return (box["x"] + box["width"] / 2 + (x - 0.5) * size[0] * scale,
                box["y"] + box["height"] / 2 + (y - 0.5) * size[1] * scale)

    def unfold(self):
        self.page.evaluate("document.querySelectorAll('#form details').forEach((fold) => (fold.open = true))")

    def size(self):
        self.page.locator("#picture-size:not(:empty)").wait_for(state="attached")
        return [int(n) for n in self.page.locator("#picture-size").text_content().split("×")]

    def drag(self, *places):
        self.page.mouse.move(*self.at(*places[0]))
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*self.at(*place), steps=6)
        self.page.mouse.up()

    def paint(self, *places):
        self.page.click("#rail [data-tool=brush]")
        self.drag(*(places or ((0.3, 0.3), (0.5, 0.35))))

    def run(self):
        self.page.click("#run")

    def steps(self):
        return int(self.page.locator("#history-count").text_content() or 0)

    def current(self):
        """The current step, as the history names it."""
        return self.page.locator("#history .step.current strong").text_content()

    def wait_for_steps(self, count, seconds=90):
        self.wait(lambda: self.steps() == count, seconds, f"step {count}")

    def colour(self, x, y):
        """The colour that is shown at a place of the picture."""
        self.page.wait_for_timeout(150)
        png = self.page.screenshot()
        from io import BytesIO

        image = Image.open(BytesIO(png)).convert("RGB")
        ratio = image.width / self.page.viewport_size["width"]
        px, py = self.at(x, y)
        return image.getpixel((round(px * ratio), round(py * ratio)))

    def overflows(self):
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth")


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def start(browser, tmp_path):
    """Starts a studio: of a picture, a folder or nothing, at one of the sizes. At the end, nothing may have gone wrong in
    the page but what `expected` names."""
    begun = []

    def make(what=None, size="desktop", expected=(), environment=None, scheme="light"):
        server = Server(tmp_path, what, environment)
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=size == "phone", color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"])
        studio = Studio(context.new_page(), server)
        begun.append((studio, context, server, expected))
        return studio.load()

    yield make
    problems = []
    for studio, context, server, expected in begun:
        problems += [line for line in studio.problems if not any(re.search(pattern, line) for pattern in expected)]
        context.close()
        server.end()
    assert not problems


@pytest.fixture
def picture(tmp_path):
    return photo(tmp_path / "photo.png")
