// The mask that the user paints: a canvas whose alpha is how much is marked. Large photos have a smaller canvas.
import { grown } from "./regions.js";
import { emit, on, session } from "./session.js";

const LARGEST = 16_000_000;
const UNDONE = 40;
/** How many pixels all that can be undone may have: four bytes each. */
const UNDONE_PIXELS = 64_000_000;
const INK = "#ff2d6b";

const canvasOf = (width, height) => {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  return canvas;
};

/** `scale`: pixels of the canvas for each of the picture. `bounds`: a rectangle of the canvas with all that is marked.
    `isOutlined`: only the mask's border is shown, so that a result is seen. */
export const mask = {
  canvas: canvasOf(1, 1), scale: 1, width: 1, height: 1, bounds: null, version: 0, isShown: true, isOutlined: false, undo: [],
  redo: [],
};
let context = mask.canvas.getContext("2d");
let before = canvasOf(1, 1);
let stroke = null;

const changed = () => {
  mask.version++;
  emit("mask");
};

/** An empty mask for a picture of this size. */
export function fitMask(width, height) {
  if (width === mask.width && height === mask.height) return;
  mask.scale = Math.min(1, Math.sqrt(LARGEST / (width * height)));
  mask.width = width;
  mask.height = height;
  mask.canvas = canvasOf(Math.round(width * mask.scale), Math.round(height * mask.scale));
  before = canvasOf(mask.canvas.width, mask.canvas.height);
  context = mask.canvas.getContext("2d");
  mask.bounds = null;
  mask.undo = [];
  mask.redo = [];
  changed();
}

export function showMask(isShown, { isOutlined = false } = {}) {
  if (mask.isShown === isShown && mask.isOutlined === isOutlined) return;
  Object.assign(mask, { isShown, isOutlined });
  emit("mask-shown");
  emit("paint");
}

/** Shows the border alone of a mask that is seen. */
export const outlineMask = () => mask.isShown && showMask(false, { isOutlined: true });

export const isMaskEmpty = () => mask.bounds === null;
export const hasPendingStrokes = () => mask.undo.length > 0;
export const hasUndoneStrokes = () => mask.redo.length > 0;
/** After a run its strokes are no longer what undo takes back. */
export function settleStrokes() {
  mask.undo = [];
  mask.redo = [];
}

function clipped({ x, y, w, h }) {
  const left = Math.max(0, Math.floor(x));
  const top = Math.max(0, Math.floor(y));
  return {
    x: left, y: top,
    w: Math.max(0, Math.min(mask.canvas.width, Math.ceil(x + w)) - left),
    h: Math.max(0, Math.min(mask.canvas.height, Math.ceil(y + h)) - top),
  };
}

function joined(a, b) {
  if (!a) return b;
  if (!b) return a;
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}

function copied(source, { x, y, w, h }) {
  const copy = canvasOf(w, h);
  copy.getContext("2d").drawImage(source, -x, -y);
  return copy;
}

/** The pixels of a rectangle: read from a copy, since a canvas that is read is no longer drawn by the graphics processor. */
function pixelsOf({ x, y, w, h }) {
  const reader = canvasOf(w, h).getContext("2d", { willReadFrequently: true });
  reader.drawImage(mask.canvas, -x, -y);
  return reader.getImageData(0, 0, w, h);
}

function record(rect, source, bounds) {
  mask.undo.push({ rect, pixels: copied(source, rect), bounds });
  const pixels = () => mask.undo.reduce((sum, { rect }) => sum + rect.w * rect.h, 0);
  while (mask.undo.length > 1 && (mask.undo.length > UNDONE || pixels() > UNDONE_PIXELS)) mask.undo.shift();
  mask.redo = [];
}

/** Puts back what a record holds, and returns the record that undoes that. */
function swapped({ rect, pixels, bounds }) {
  showMask(true);
  const other = { rect, pixels: copied(mask.canvas, rect), bounds: mask.bounds };
  context.clearRect(rect.x, rect.y, rect.w, rect.h);
  context.drawImage(pixels, rect.x, rect.y);
  mask.bounds = bounds;
  changed();
  return other;
}

export function undoStroke() {
  if (mask.undo.length) mask.redo.push(swapped(mask.undo.pop()));
}
export function redoStroke() {
  if (mask.redo.length) mask.undo.push(swapped(mask.redo.pop()));
}

/** One change that can be undone, within a rectangle of the canvas. */
function edit(rect, draw) {
  const area = clipped(rect);
  if (!area.w || !area.h) return;
  record(area, mask.canvas, mask.bounds);
  context.save();
  context.beginPath();
  context.rect(area.x, area.y, area.w, area.h);
  context.clip();
  draw(context, area);
  context.restore();
  mask.bounds = joined(mask.bounds, area);
  showMask(true);
  changed();
}

const whole = () => ({ x: 0, y: 0, w: mask.canvas.width, h: mask.canvas.height });

/** Draws so far out of sight that only the soft shadow is seen: blur that every browser knows. */
function drawSoft(target, deviation, draw) {
  const AWAY = 100_000;
  target.save();
  target.shadowColor = INK;
  target.shadowBlur = deviation * 2;
  target.shadowOffsetX = AWAY;
  target.translate(-AWAY, 0);
  draw(target);
  target.restore();
}

/** Begins a stroke: diameter in the picture's pixels, hardness from 0 to 1. */
export function beginStroke({ size, hardness, erases }) {
  const full = size * mask.scale;
  before.getContext("2d").clearRect(0, 0, before.width, before.height);
  before.getContext("2d").drawImage(mask.canvas, 0, 0);
  const deviation = ((1 - hardness) * full) / 6;
  stroke = { points: [], width: Math.max(full - deviation * 3, 0.75), deviation, erases, rect: null, reach: full / 2 + deviation * 2 + 2 };
  showMask(true);
}

export function extendStroke(points) {
  if (!stroke) return;
  const from = Math.max(0, stroke.points.length - 1);
  for (const { x, y } of points) {
    const point = { x: x * mask.scale, y: y * mask.scale };
    stroke.points.push(point);
    const { reach } = stroke;
    stroke.rect = joined(stroke.rect, { x: point.x - reach, y: point.y - reach, w: reach * 2, h: reach * 2 });
  }
  const path = (target, points) => {
    target.lineCap = target.lineJoin = "round";
    target.lineWidth = stroke.width;
    target.strokeStyle = INK;
    target.beginPath();
    target.moveTo(points[0].x, points[0].y);
    if (points.length === 1) target.lineTo(points[0].x + 0.01, points[0].y);
    for (const { x, y } of points.slice(1)) target.lineTo(x, y);
    target.stroke();
  };
  context.save();
  context.globalCompositeOperation = stroke.erases ? "destination-out" : "source-over";
  if (stroke.deviation < 0.5) path(context, stroke.points.slice(from));
  else {
    const area = clipped(stroke.rect);
    context.save();
    context.globalCompositeOperation = "copy";
    context.beginPath();
    context.rect(area.x, area.y, area.w, area.h);
    context.clip();
    context.drawImage(before, 0, 0);
    context.restore();
    drawSoft(context, stroke.deviation, (target) => path(target, stroke.points));
  }
  context.restore();
  emit("paint");
}

export function endStroke() {
  if (!stroke) return;
  const area = clipped(stroke.rect ?? { x: 0, y: 0, w: 0, h: 0 });
  const { erases } = stroke;
  stroke = null;
  if (!area.w || !area.h) return;
  record(area, before, mask.bounds);
  if (!erases) mask.bounds = joined(mask.bounds, area);
  changed();
}

export function cancelStroke() {
  if (!stroke) return;
  stroke = null;
  context.save();
  context.globalCompositeOperation = "copy";
  context.drawImage(before, 0, 0);
  context.restore();
  emit("paint");
}

/** Marks or erases a polygon, given in the picture's pixels. */
export function fillPolygon(points, erases) {
  const scaled = points.map(({ x, y }) => ({ x: x * mask.scale, y: y * mask.scale }));
  const [xs, ys] = [scaled.map((point) => point.x), scaled.map((point) => point.y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  edit({ x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y }, (target) => {
    target.globalCompositeOperation = erases ? "destination-out" : "source-over";
    target.fillStyle = INK;
    target.beginPath();
    scaled.forEach((point) => target.lineTo(point.x, point.y));
    target.fill();
  });
}

/** Marks or erases what an image of alphas (0 to 255) says; it is laid over the whole picture. */
export function fillAlphas(alphas, width, height, { erases = false, replaces = false } = {}) {
  const image = canvasOf(width, height);
  const pixels = new ImageData(width, height);
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, k = 0; y < height; y++) {
    for (let x = 0; x < width; x++, k++) {
      if (!alphas[k]) continue;
      pixels.data.set([255, 45, 107, alphas[k]], k * 4);
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  if (right < 0 && !replaces) return;
  image.getContext("2d").putImageData(pixels, 0, 0);
  const [sx, sy] = [mask.canvas.width / width, mask.canvas.height / height];
  const area = { x: (left - 1) * sx, y: (top - 1) * sy, w: (right - left + 3) * sx, h: (bottom - top + 3) * sy };
  edit(replaces ? whole() : area, (target) => {
    target.globalCompositeOperation = replaces ? "copy" : erases ? "destination-out" : "source-over";
    target.drawImage(image, 0, 0, mask.canvas.width, mask.canvas.height);
  });
  if (replaces) mask.bounds = right < 0 ? null : clipped(area);
  changed();
}

export function invertMask() {
  edit(whole(), (target, { w, h }) => {
    target.globalCompositeOperation = "source-out";
    target.fillStyle = INK;
    target.fillRect(0, 0, w, h);
  });
}

export function clearMask() {
  if (isMaskEmpty()) return;
  edit(mask.bounds, (target, { x, y, w, h }) => target.clearRect(x, y, w, h));
  mask.bounds = null;
  changed();
}

/** Forgets the mask without a way back: it has been used up. */
export function discardMask() {
  context.clearRect(0, 0, mask.canvas.width, mask.canvas.height);
  mask.bounds = null;
  settleStrokes();
  changed();
}

/** Adds a mask as it was to what is marked since. */
export function giveBack({ canvas, x, y, w, h }) {
  const s = mask.scale;
  edit({ x: x * s, y: y * s, w: w * s, h: h * s }, (target) => target.drawImage(canvas, x * s, y * s, w * s, h * s));
}

function around(pixels) {
  const { x, y, w, h } = mask.bounds;
  return clipped({ x: x - pixels, y: y - pixels, w: w + 2 * pixels, h: h + 2 * pixels });
}

/** Fades the mask out over a border of so many of the picture's pixels. */
export function featherMask(pixels) {
  if (isMaskEmpty()) return;
  const reach = pixels * mask.scale;
  const area = around(Math.ceil(reach * 1.5) + 1);
  const source = copied(mask.canvas, area);
  edit(area, (target) => {
    target.clearRect(area.x, area.y, area.w, area.h);
    drawSoft(target, reach / 2, (soft) => soft.drawImage(source, area.x, area.y));
  });
}

/** Grows the mask by so many of the picture's pixels; negative: shrinks it. */
export function growMask(pixels) {
  if (isMaskEmpty()) return;
  const distance = pixels * mask.scale;
  const area = around(Math.ceil(Math.abs(distance)) + 2);
  const image = pixelsOf(area);
  const alpha = new Uint8Array(area.w * area.h);
  for (let k = 0; k < alpha.length; k++) alpha[k] = image.data[k * 4 + 3];
  const result = grown(alpha, area.w, area.h, distance);
  for (let k = 0; k < result.length; k++) image.data.set([255, 45, 107, result[k]], k * 4);
  edit(area, (target) => target.putImageData(image, area.x, area.y));
}

/** The rectangle of the canvas that has marked pixels, or null: what was erased is no longer in it. */
function tightBounds() {
  if (!mask.bounds) return null;
  const { x, y, w, h } = mask.bounds;
  const { data } = pixelsOf(mask.bounds);
  let [left, top, right, bottom] = [w, h, -1, -1];
  for (let row = 0, k = 3; row < h; row++) {
    for (let column = 0; column < w; column++, k += 4) {
      if (!data[k]) continue;
      if (column < left) left = column;
      if (column > right) right = column;
      if (row < top) top = row;
      bottom = row;
    }
  }
  return right < 0 ? null : { x: x + left, y: y + top, w: right - left + 1, h: bottom - top + 1 };
}

/** A rectangle of the canvas as white on black, at a size. */
function whiteOnBlack({ x, y, w, h }, width = w, height = h) {
  const image = canvasOf(width, height);
  const target = image.getContext("2d");
  target.drawImage(mask.canvas, x, y, w, h, 0, 0, width, height);
  target.globalCompositeOperation = "source-in";
  target.fillStyle = "#fff";
  target.fillRect(0, 0, width, height);
  target.globalCompositeOperation = "destination-over";
  target.fillStyle = "#000";
  target.fillRect(0, 0, width, height);
  return new Promise((resolve) => image.toBlob(resolve, "image/png"));
}

/** What is uploaded: the marked part as PNG, and where it lies in the picture. Null: nothing is marked. */
export async function maskPart() {
  mask.bounds = tightBounds();
  if (!mask.bounds) {
    changed();
    return null;
  }
  const { x, y, w, h } = mask.bounds;
  const [left, top] = [Math.round(x / mask.scale), Math.round(y / mask.scale)];
  return {
    blob: await whiteOnBlack(mask.bounds), x: left, y: top,
    w: Math.max(1, Math.min(mask.width, Math.round((x + w) / mask.scale)) - left),
    h: Math.max(1, Math.min(mask.height, Math.round((y + h) / mask.scale)) - top),
  };
}

/** The mask as a file of the picture's size. */
export const maskFile = () => whiteOnBlack(whole(), mask.width, mask.height);

/** The mask as it is now, for what is drawn while a run uses it. */
export function maskSnapshot() {
  if (!mask.bounds) return null;
  const { x, y, w, h } = mask.bounds;
  const s = mask.scale;
  return {
    canvas: copied(mask.canvas, mask.bounds), x: x / s, y: y / s, w: w / s, h: h / s, pictureWidth: mask.width, pictureHeight: mask.height,
  };
}

/** The document whose mask is on the canvas, and the version that is kept for it. */
let owner = null;
let kept = 0;
/** How many characters of the browser's storage a mask may take. */
const KEPT_LENGTH = 3_000_000;

/** Keeps the mask for a reload of the page, and for when its document is opened again. */
function keepMask() {
  if (!owner || kept === mask.version) return;
  kept = mask.version;
  const key = `mask/${owner}`;
  sessionStorage.removeItem(key);
  mask.bounds = tightBounds();
  if (!mask.bounds) return;
  const address = copied(mask.canvas, mask.bounds).toDataURL("image/png");
  if (address.length > KEPT_LENGTH) return;
  const { width, height } = mask;
  try {
    sessionStorage.setItem(key, JSON.stringify({ address, part: mask.bounds, width, height }));
  } catch {} // Full: the mask lasts as long as the page.
}

/** Puts the mask on the canvas that is kept for the open document, if it is for a picture of this size. */
async function takeUpMask() {
  if (owner === session.document?.id) return;
  owner = session.document?.id ?? null;
  const mine = owner;
  discardMask();
  kept = mask.version;
  const record = JSON.parse(sessionStorage.getItem(`mask/${owner}`));
  if (!record || record.width !== mask.width || record.height !== mask.height) return;
  const image = new Image();
  image.src = record.address;
  await image.decode().catch(() => {});
  if (owner !== mine || !image.naturalWidth) return;
  const { x, y } = record.part;
  context.drawImage(image, x, y);
  mask.bounds = joined(mask.bounds, record.part);
  showMask(true);
  changed();
}

export function startMaskKeeper() {
  on("opened", keepMask);
  on("shown", takeUpMask);
  addEventListener("pagehide", keepMask);
  document.addEventListener("visibilitychange", () => document.hidden && keepMask());
}
