// The place where the picture is shown: draws pictures, iterates, mask, marks and the brush's circle.
import { byId } from "./dom.js";
import { compare } from "./compare.js";
import { drawMarks } from "./marks.js";
import { mask, isMaskEmpty, fitMask } from "./mask.js";
import { anyOverlay, drawOverlays } from "./overlays.js";
import { pictureOf } from "./picture.js";
import { currentStep, emit, on, session, stepOf } from "./session.js";
import { tool } from "./tools.js";
import { setFrame, setPicture, viewport } from "./viewport.js";

const canvas = byId("canvas");
const context = canvas.getContext("2d");
let shown = null;
let isDue = false;

const paint = () => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
};

let squares = null;
function checks() {
  if (squares) return squares;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 16;
  const target = tile.getContext("2d");
  target.fillStyle = "#d9d9dc";
  target.fillRect(0, 0, 16, 16);
  target.fillStyle = "#f4f4f6";
  target.fillRect(0, 0, 8, 8);
  target.fillRect(8, 8, 8, 8);
  return (squares = context.createPattern(tile, "repeat"));
}

const styles = getComputedStyle(document.documentElement);
const colour = (name) => styles.getPropertyValue(name).trim();

function draw() {
  const ratio = devicePixelRatio;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!viewport.imageWidth || (!shown && !anyOverlay())) return;
  const { x, y, scale, imageWidth: width, imageHeight: height } = viewport;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.save();
  context.shadowColor = colour("--shadow");
  context.shadowBlur = 18 * ratio;
  context.fillStyle = colour("--stage");
  context.fillRect(x, y, width * scale, height * scale);
  context.restore();
  context.fillStyle = checks();
  context.fillRect(x, y, width * scale, height * scale);

  context.save();
  context.beginPath();
  context.rect(x, y, width * scale, height * scale);
  context.clip();
  context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
  context.imageSmoothingEnabled = scale * ratio < 4;
  context.imageSmoothingQuality = "high";
  if (shown) shown.draw(context, width, height);
  drawOverlays(context, width, height);
  const other = compare.isOn ? stepOf(compare.before) : null;
  if (other) {
    context.save();
    context.beginPath();
    context.rect(0, 0, width * compare.at, height);
    context.clip();
    context.fillStyle = checks();
    context.fillRect(0, 0, width, height);
    pictureOf(session.document.id, other).draw(context, width, height);
    context.restore();
  }
  const hasMask = !isMaskEmpty() && !compare.isOn;
  if (hasMask && mask.isOutlined) drawOutline();
  if (hasMask && mask.isShown) {
    context.globalAlpha = 0.5;
    context.imageSmoothingEnabled = true;
    context.drawImage(mask.canvas, 0, 0, width, height);
    context.globalAlpha = 1;
  }
  context.restore();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawMarks(context);
  tool.drawCursor?.(context);
}

const [shape, border] = [0, 1].map(() => document.createElement("canvas"));

/** Draws the border of the mask, a light line and a dark one around it, each a CSS pixel wide. */
function drawOutline() {
  const ratio = devicePixelRatio;
  const { x, y, scale, imageWidth, imageHeight } = viewport;
  for (const layer of [shape, border]) {
    if (layer.width !== canvas.width || layer.height !== canvas.height) Object.assign(layer, { width: canvas.width, height: canvas.height });
  }
  const filled = shape.getContext("2d");
  filled.clearRect(0, 0, shape.width, shape.height);
  filled.drawImage(mask.canvas, x * ratio, y * ratio, imageWidth * scale * ratio, imageHeight * scale * ratio);
  const target = border.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  for (const [reach, ink] of [[2, "rgb(0 0 0 / 60%)"], [1, "#fff"]]) {
    target.globalCompositeOperation = "source-over";
    target.clearRect(0, 0, border.width, border.height);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1], [0.7, 0.7], [-0.7, 0.7], [0.7, -0.7], [-0.7, -0.7]]) {
      target.drawImage(shape, dx * reach * ratio, dy * reach * ratio);
    }
    target.globalCompositeOperation = "destination-out";
    target.drawImage(shape, 0, 0);
    target.globalCompositeOperation = "source-in";
    target.fillStyle = ink;
    target.fillRect(0, 0, border.width, border.height);
    context.drawImage(border, 0, 0);
  }
}

function resized() {
  const box = canvas.parentElement.getBoundingClientRect();
  canvas.width = Math.max(1, Math.round(box.width * devicePixelRatio));
  canvas.height = Math.max(1, Math.round(box.height * devicePixelRatio));
  setFrame(box.width, box.height);
  paint();
}

/** Shows the current step; the one before stays until the new one is there. */
async function showStep(keep) {
  const step = currentStep();
  byId("empty").hidden = Boolean(step) || !session.document;
  if (!step) {
    shown = null;
    viewport.imageWidth = viewport.imageHeight = 0;
    emit("shown", null);
    return paint();
  }
  const picture = pictureOf(session.document.id, step);
  if (!picture.whole) await picture.ready;
  if (currentStep()?.id !== step.id || session.document.id !== picture.documentId) return;
  shown = picture;
  const sameSize = step.width === viewport.imageWidth && step.height === viewport.imageHeight;
  if (!sameSize || !keep) setPicture(step.width, step.height, { keep });
  fitMask(step.width, step.height);
  picture.look();
  emit("shown", step);
  paint();
}

export function startStage() {
  new ResizeObserver(resized).observe(canvas.parentElement);
  resized();
  on("paint", paint);
  on("mask", paint);
  on("marks", paint);
  on("viewport", () => {
    shown?.look();
    paint();
  });
  on("compare", () => {
    const other = compare.isOn ? stepOf(compare.before) : null;
    if (other) pictureOf(session.document.id, other).look();
    paint();
  });
  on("opened", () => {
    shown = null;
    showStep(false);
  });
  on("step", () => showStep(true));
  // What is made from nothing has no picture below it yet.
  on("overlay", (entry) => {
    if (!entry?.image || shown) return;
    const { width, height } = entry.natural;
    if (viewport.imageWidth !== width || viewport.imageHeight !== height) setPicture(width, height);
    byId("empty").hidden = true;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
}
