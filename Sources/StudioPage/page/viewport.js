// Where the picture lies on the screen: `scale` CSS pixels for each of its pixels, its corner at (x, y).
import { emit } from "./session.js";

export const viewport = { scale: 1, x: 0, y: 0, width: 1, height: 1, imageWidth: 0, imageHeight: 0 };

const changed = () => emit("viewport");
const LARGEST = 32;
/** How much a small picture is enlarged to fit. */
const MOST_FITTED = 2;
const smallest = () => Math.min(fitScale() / 4, 1);

function fitScale() {
  const margin = Math.min(32, viewport.width * 0.04);
  const fit = Math.min(
    (viewport.width - 2 * margin) / viewport.imageWidth, (viewport.height - 2 * margin) / viewport.imageHeight);
  return Math.max(Math.min(fit, MOST_FITTED / devicePixelRatio), 1e-4);
}

let isFitted = true;

export function fit() {
  if (!viewport.imageWidth) return;
  isFitted = true;
  viewport.scale = fitScale();
  viewport.x = (viewport.width - viewport.imageWidth * viewport.scale) / 2;
  viewport.y = (viewport.height - viewport.imageHeight * viewport.scale) / 2;
  changed();
}

/** Tells the size of the place for the picture. */
export function setFrame(width, height) {
  const dx = (width - viewport.width) / 2;
  const dy = (height - viewport.height) / 2;
  viewport.width = width;
  viewport.height = height;
  if (isFitted) return fit();
  pan(dx, dy);
}

/** Tells the size of the picture. One that shows the same at another size stays where it is. */
export function setPicture(width, height, { keep = false } = {}) {
  const sameAspect = Math.abs(width / height / (viewport.imageWidth / viewport.imageHeight) - 1) < 0.02;
  const factor = viewport.imageWidth / width;
  viewport.imageWidth = width;
  viewport.imageHeight = height;
  if (keep && sameAspect && !isFitted) {
    viewport.scale *= factor;
    changed();
  } else fit();
}

export function zoomAt(factor, x = viewport.width / 2, y = viewport.height / 2) {
  const scale = Math.min(Math.max(viewport.scale * factor, smallest()), LARGEST);
  viewport.x = x - ((x - viewport.x) * scale) / viewport.scale;
  viewport.y = y - ((y - viewport.y) * scale) / viewport.scale;
  viewport.scale = scale;
  isFitted = false;
  keepInSight();
  changed();
}

export const zoomTo = (scale) => zoomAt(scale / viewport.scale);

export function pan(dx, dy) {
  viewport.x += dx;
  viewport.y += dy;
  isFitted = false;
  keepInSight();
  changed();
}

/** At least a strip of the picture stays to be seen. */
function keepInSight() {
  const strip = 48;
  const limit = (at, image, frame) => Math.min(Math.max(at, strip - image), frame - strip);
  viewport.x = limit(viewport.x, viewport.imageWidth * viewport.scale, viewport.width);
  viewport.y = limit(viewport.y, viewport.imageHeight * viewport.scale, viewport.height);
}

/** A point of the frame in the picture's pixels. */
export const toImage = (x, y) => ({ x: (x - viewport.x) / viewport.scale, y: (y - viewport.y) / viewport.scale });

/** What can be seen, in the picture's pixels, with `margin` of it added on each side. */
export function visibleRect(margin = 0) {
  const a = toImage(-viewport.width * margin, -viewport.height * margin);
  const b = toImage(viewport.width * (1 + margin), viewport.height * (1 + margin));
  const x = Math.max(0, Math.floor(a.x));
  const y = Math.max(0, Math.floor(a.y));
  return {
    x, y,
    w: Math.max(1, Math.min(viewport.imageWidth, Math.ceil(b.x)) - x),
    h: Math.max(1, Math.min(viewport.imageHeight, Math.ceil(b.y)) - y),
  };
}
