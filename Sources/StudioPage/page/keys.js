// The keyboard. Letters are the canvas' where no field has the focus.
import { compare, endCompare, toggleCompare } from "./compare.js";
import { byId } from "./dom.js";
import { invertMask, mask, showMask } from "./mask.js";
import { showHome } from "./opener.js";
import { holdSpace } from "./pointer.js";
import { cancelPreview, run } from "./runner.js";
import { session } from "./session.js";
import { redo, undo } from "./steps.js";
import { scaleSize } from "./toolbar.js";
import { chooseTool, endPicking, isPicking } from "./tools.js";
import { fit, pan, zoomAt, zoomTo } from "./viewport.js";

const isTyping = (target) => target.matches?.("input:not([type=range], [type=checkbox], [type=color]), select, textarea, [contenteditable]");

const letters = {
  h: () => chooseTool("hand"), b: () => chooseTool("brush"), e: () => chooseTool("eraser"), r: () => chooseTool("rectangle"),
  l: () => chooseTool("lasso"), w: () => chooseTool("magic"), c: toggleCompare, i: invertMask, m: () => showMask(!mask.isShown),
  "[": () => scaleSize(0.85), "]": () => scaleSize(1.18), "+": () => zoomAt(1.25), "=": () => zoomAt(1.25), "-": () => zoomAt(0.8),
  0: fit, 1: () => zoomTo(1 / devicePixelRatio),
};

const arrows = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };

function down(event) {
  const { key, target } = event;
  if (document.querySelector("dialog[open]")) return;
  const control = event.ctrlKey || event.metaKey;
  if (control && key === "Enter") run();
  else if (control && key.toLowerCase() === "z" && !isTyping(target)) (event.shiftKey ? redo : undo)();
  else if (control && key.toLowerCase() === "y" && !isTyping(target)) redo();
  else if (control && key.toLowerCase() === "o") showHome();
  else if (key === "Escape") {
    if (isPicking()) endPicking();
    else if (compare.isOn) endCompare();
    else if (!byId("home").hidden && session.document) showHome(false);
    else cancelPreview();
    return;
  } else if (control || event.altKey || isTyping(target)) return;
  else if (key === " " && (target === byId("canvas") || target === document.body)) holdSpace(true);
  else if (arrows[key] && target === byId("canvas")) pan(...arrows[key]);
  else if (letters[key.toLowerCase()]) letters[key.toLowerCase()]();
  else return;
  event.preventDefault();
}

export function startKeys() {
  addEventListener("keydown", down);
  addEventListener("keyup", (event) => event.key === " " && holdSpace(false));
  addEventListener("blur", () => holdSpace(false));
}
