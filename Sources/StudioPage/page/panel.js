// The panel beside the canvas, on a phone a sheet below it: tabs, and how high the sheet is.
import { byId } from "./dom.js";
import { on } from "./session.js";

const panel = byId("panel");
const tabs = [...document.querySelectorAll("#panel [role=tab]")];

function showTab(name) {
  for (const tab of tabs) {
    const isChosen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !isChosen;
  }
}

function setSheet(state) {
  document.body.dataset.sheet = state;
  byId("sheet-handle").setAttribute("aria-expanded", String(state !== "low"));
  byId("sheet-handle").setAttribute("aria-label", state === "low" ? "Open the panel" : "Close the panel");
}

export function startPanel() {
  for (const tab of tabs) {
    tab.addEventListener("click", () => {
      showTab(tab.dataset.tab);
      if (document.body.dataset.sheet === "low") setSheet("half");
    });
    tab.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const other = tabs[(tabs.indexOf(tab) + 1) % tabs.length];
      other.focus();
      other.click();
    });
  }
  const handle = byId("sheet-handle");
  let from = null;
  handle.addEventListener("click", () => setSheet(document.body.dataset.sheet === "low" ? "half" : "low"));
  handle.addEventListener("pointerdown", (event) => (from = event.clientY));
  handle.addEventListener("pointerup", (event) => {
    const way = event.clientY - from;
    if (Math.abs(way) < 24) return;
    const order = ["low", "half", "high"];
    const next = order.indexOf(document.body.dataset.sheet) + (way < 0 ? 1 : -1);
    // The click that follows is not meant.
    handle.addEventListener("click", (click) => click.stopImmediatePropagation(), { capture: true, once: true });
    setSheet(order[Math.min(Math.max(next, 0), 2)]);
  });
  setSheet("half");
  showTab("task");
  on("document", (document) => (byId("history-count").textContent = document?.steps.length || ""));
  panel.hidden = false;
}
