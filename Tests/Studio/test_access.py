"""What the page owes to all its users: names for controls, no sideways scrolling, and words where the server is lost."""

import pytest

CONTROLS = {
    "button", "checkbox", "combobox", "link", "listbox", "menuitem", "option", "radio", "radiogroup", "searchbox", "slider",
    "spinbutton", "switch", "tab", "textbox", "progressbar", "dialog", "application", "image",
}


def unnamed(studio):
    """The controls of the accessibility tree that have no name."""
    session = studio.page.context.new_cdp_session(studio.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        node["role"]["value"] for node in nodes
        if not node.get("ignored") and node.get("role", {}).get("value") in CONTROLS
        and not node.get("name", {}).get("value", "").strip()
    ]


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_every_control_of_every_form_has_a_name(start, picture, size):
    studio = start(picture, size)
    assert unnamed(studio) == []
    names = studio.page.evaluate("async () => (await (await fetch('/api/tasks')).json()).map((task) => task.name)")
    assert len(names) > 5
    for name in names:
        studio.choose_task(name)
        studio.unfold()
        assert unnamed(studio) == [], name
        assert not studio.overflows(), name
        assert studio.page.evaluate("document.querySelector('#task-panel .scroller').scrollWidth <= document.querySelector('#task-panel .scroller').clientWidth"), name
    for tool in ("brush", "rectangle", "magic"):
        studio.page.click(f"#rail [data-tool={tool}]")
        assert unnamed(studio) == [], tool
        assert not studio.overflows(), tool


def test_dialogs_have_names(start, picture):
    studio = start(picture)
    studio.page.click("#task-button")
    assert unnamed(studio) == []
    studio.page.keyboard.press("Escape")
    studio.page.click("#open")
    studio.page.locator(".recent").first.wait_for()
    assert unnamed(studio) == []


def test_all_can_be_reached_by_keyboard(start, picture):
    studio = start(picture)
    studio.choose_task("refine")
    reached = set()
    for _ in range(80):
        studio.page.keyboard.press("Tab")
        reached.add(studio.page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"open", "canvas", "task-button", "run"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(start, picture, scheme):
    """Contrast of at least 4.5 to 1 between text and what it lies on."""
    studio = start(picture, scheme=scheme)
    studio.choose_task("inpaint")
    ratios = studio.page.evaluate("""() => {
      const parts = (text) => text.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
      const under = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const colour = parts(getComputedStyle(at).backgroundColor);
          if (colour.length === 3 || colour[3] > 0.9) return colour;
        }
        return [255, 255, 255];
      };
      return [...document.querySelectorAll(".summary, .help, .label, .mask-state, #task-name, [role=tab], #document-name, #picture-size, #run, .segments button")]
        .filter((element) => element.offsetParent)
        .map((element) => {
          const [a, b] = [light(parts(getComputedStyle(element).color)), light(under(element))];
          return [element.className || element.id, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
        });
    }""")
    assert ratios and [pair for pair in ratios if pair[1] < 4.5] == []


def test_a_lost_server_is_told(start, picture):
    studio = start(picture, expected=["Failed to load resource", "ERR_", "EventSource"])
    studio.server.process.kill()
    studio.page.locator("#lost").wait_for()
    assert "does not answer" in studio.page.locator("#lost").inner_text()


def test_a_server_that_was_started_again_is_told(start, picture):
    studio = start(picture, expected=["Failed to load resource", "ERR_", "EventSource"])
    studio.page.context.clear_cookies()
    studio.page.evaluate("import('/events.js').then((events) => events.listen())")
    studio.page.locator("#lost", has_text="started again").wait_for()


def test_a_broken_stream_is_taken_up_again(start, picture):
    studio = start(picture, expected=["Failed to load resource", "ERR_", "EventSource"])
    studio.page.context.set_offline(True)
    studio.page.evaluate("import('/events.js').then((events) => events.listen())")
    studio.page.locator("#lost").wait_for()
    studio.page.context.set_offline(False)
    studio.page.locator("#lost").wait_for(state="hidden")
    assert studio.steps() == 1
