// Pointers, wheel and pinch on the canvas: one pointer is the tool's, two move and zoom, as do space and middle button.
import { byId } from "./dom.js";
import { currentStep } from "./session.js";
import { hover, tool } from "./tools.js";
import { pan, toImage, viewport, zoomAt } from "./viewport.js";

const canvas = byId("canvas");
const pointers = new Map();
let mode = null;
let isSpaceDown = false;

function placed(event, all = [event]) {
  const box = canvas.getBoundingClientRect();
  const point = (e) => toImage(e.clientX - box.left, e.clientY - box.top);
  const last = pointers.get(event.pointerId);
  return {
    ...point(event), all: all.map(point), alt: event.altKey,
    screenX: event.clientX - box.left, screenY: event.clientY - box.top,
    dx: last ? event.clientX - last.clientX : 0, dy: last ? event.clientY - last.clientY : 0,
  };
}

const middle = () => {
  const [a, b] = [...pointers.values()];
  return {
    x: (a.clientX + b.clientX) / 2, y: (a.clientY + b.clientY) / 2,
    distance: Math.max(1, Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)),
  };
};

function down(event) {
  if (event.button > 1) return;
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  const place = placed(event);
  pointers.set(event.pointerId, event);
  if (pointers.size === 2) {
    if (mode === "tool") tool.cancel?.();
    mode = "pinch";
  } else if (pointers.size === 1) {
    mode = isSpaceDown || event.button === 1 || tool.name === "hand" ? "pan" : "tool";
    if (mode === "tool" && currentStep()) tool.begin?.(place);
  }
  canvas.classList.toggle("grabbing", mode === "pan");
  event.preventDefault();
}

function move(event) {
  const events = event.getCoalescedEvents?.();
  const place = placed(event, events?.length ? events : [event]);
  hover(event.pointerType === "touch" ? null : place);
  if (!pointers.has(event.pointerId)) return;
  if (mode === "pinch" && pointers.size === 2) {
    const before = middle();
    pointers.set(event.pointerId, event);
    const after = middle();
    const box = canvas.getBoundingClientRect();
    pan(after.x - before.x, after.y - before.y);
    zoomAt(after.distance / before.distance, after.x - box.left, after.y - box.top);
    return;
  }
  if (mode === "pan") pan(place.dx, place.dy);
  else if (mode === "tool" && currentStep()) tool.move?.(place);
  pointers.set(event.pointerId, event);
}

function up(event) {
  if (!pointers.has(event.pointerId)) return;
  const place = placed(event);
  pointers.delete(event.pointerId);
  if (mode === "tool" && currentStep()) {
    if (event.type === "pointercancel") tool.cancel?.();
    else tool.end?.(place);
  }
  if (!pointers.size) mode = null;
  else if (mode === "tool") mode = null;
  canvas.classList.remove("grabbing");
}

/** A wheel zooms; fingers on a trackpad move, and pinched they zoom. */
function wheel(event) {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  const unit = event.deltaMode === 1 ? 16 : 1;
  const isTrackpad = event.deltaMode === 0 && !event.ctrlKey && (event.deltaX !== 0 || Math.abs(event.deltaY) < 40);
  if (event.shiftKey || isTrackpad) return pan(-event.deltaX * unit || 0, -(event.deltaY * unit) || 0);
  const strength = event.ctrlKey ? 0.01 : 0.0022;
  zoomAt(Math.exp(-event.deltaY * unit * strength), event.clientX - box.left, event.clientY - box.top);
}

export function holdSpace(isDown) {
  isSpaceDown = isDown;
  canvas.classList.toggle("grab", isDown);
}

export function startPointers() {
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
}
