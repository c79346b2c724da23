// The picture of a step: a reduced whole, and in a large one the part that is seen at the screen's own resolution.
import { viewBitmap } from "./api.js";
import { complain } from "./announce.js";
import { emit } from "./session.js";
import { viewport, visibleRect } from "./viewport.js";

/** The longer side up to which a whole picture is asked for. */
const WHOLE = 1600;
const KEPT = 8;

class Picture {
  constructor(documentId, step) {
    this.documentId = documentId;
    this.step = step;
    this.wholeScale = Math.min(1, WHOLE / Math.max(step.width, step.height));
    this.whole = null;
    this.detail = null;
    this.ready = this.load();
  }

  async load() {
    try {
      this.whole = await viewBitmap(this.documentId, this.step.id, { max: WHOLE });
      emit("paint");
    } catch (error) {
      complain(error);
    }
  }

  /** Asks for the part that is seen, if the whole is too coarse there. What was asked before is called off. */
  look() {
    clearTimeout(this.timer);
    const ratio = this.step.width / viewport.imageWidth || 1;
    const density = Math.min(1, (viewport.scale / ratio) * devicePixelRatio);
    if (this.wholeScale === 1 || density <= this.wholeScale * 1.1) return;
    this.timer = setTimeout(() => this.ask(ratio, density), 90);
  }

  async ask(ratio, density) {
    const seen = visibleRect(0.12);
    const rect = {
      x: Math.floor(seen.x * ratio), y: Math.floor(seen.y * ratio),
      w: Math.max(1, Math.floor(seen.w * ratio)), h: Math.max(1, Math.floor(seen.h * ratio)),
    };
    const max = Math.ceil(Math.max(rect.w, rect.h) * density);
    const held = this.detail;
    if (held && held.density >= density * 0.95 && contains(held.rect, visibleRect(0), ratio)) return;
    this.abort?.abort();
    this.abort = new AbortController();
    try {
      const bitmap = await viewBitmap(this.documentId, this.step.id, { rect, max }, this.abort.signal);
      this.detail?.bitmap.close();
      this.detail = { rect, bitmap, density };
      emit("paint");
    } catch (error) {
      complain(error);
    }
  }

  /** Draws it into the rectangle from (0, 0) to (width, height) of the context's units. */
  draw(context, width, height) {
    if (!this.whole) return;
    context.drawImage(this.whole, 0, 0, width, height);
    if (!this.detail) return;
    const { rect, bitmap } = this.detail;
    const [sx, sy] = [width / this.step.width, height / this.step.height];
    context.drawImage(bitmap, rect.x * sx, rect.y * sy, rect.w * sx, rect.h * sy);
  }

  close() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.whole?.close();
    this.detail?.bitmap.close();
    this.whole = this.detail = null;
  }
}

const contains = (outer, seen, ratio) =>
  outer.x <= seen.x * ratio + 1 && outer.y <= seen.y * ratio + 1 &&
  outer.x + outer.w >= (seen.x + seen.w) * ratio - 2 && outer.y + outer.h >= (seen.y + seen.h) * ratio - 2;

const kept = new Map();

/** The picture of a step; those used last are kept. */
export function pictureOf(documentId, step) {
  const key = `${documentId}/${step.id}`;
  const picture = kept.get(key) ?? new Picture(documentId, step);
  kept.delete(key);
  kept.set(key, picture);
  while (kept.size > KEPT) {
    const [oldest, old] = kept.entries().next().value;
    old.close();
    kept.delete(oldest);
  }
  return picture;
}
