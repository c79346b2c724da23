// The tools of the canvas: what a pointer does on it, in the picture's pixels.
import { viewBitmap } from "./api.js";
import { complain, murmur } from "./announce.js";
import { setDraft } from "./marks.js";
import { beginStroke, cancelStroke, endStroke, extendStroke, fillAlphas, fillPolygon } from "./mask.js";
import { similar } from "./regions.js";
import { currentStep, emit, session } from "./session.js";
import { pan, viewport } from "./viewport.js";

/** What the user set: sizes in the picture's pixels, tolerance in levels of 255. */
export const options = { size: 40, hardness: 0.8, tolerance: 28, joined: true, subtracts: false };

/** The tool in use. A tool has begin, move, end and cancel, which get places in the picture and on the screen. */
export let tool = { name: "hand" };

let at = null;

const asksToSubtract = (place) => options.subtracts !== place.alt;

const hand = () => ({
  name: "hand",
  move: (place) => pan(place.dx, place.dy),
});

const painter = (name, erases) => ({
  name,
  begin(place) {
    beginStroke({ size: options.size, hardness: options.hardness, erases: erases !== (place.alt && !erases) });
    extendStroke([place]);
  },
  move: (place) => extendStroke(place.all),
  end() {
    endStroke();
    if (!erases) emit("stroke-done");
  },
  cancel: cancelStroke,
  drawCursor(context) {
    if (!at || !viewport.imageWidth) return;
    const radius = (options.size / 2) * viewport.scale;
    for (const [width, style] of [[3, "rgb(0 0 0 / 45%)"], [1.25, "#fff"]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.beginPath();
      context.arc(at.screenX, at.screenY, Math.max(radius, 1.5), 0, 7);
      context.stroke();
    }
  },
});

function boxBetween(a, b) {
  const limit = (value, most) => Math.min(Math.max(Math.round(value), 0), most);
  const [x0, x1] = [a.x, b.x].map((x) => limit(x, viewport.imageWidth)).sort((m, n) => m - n);
  const [y0, y1] = [a.y, b.y].map((y) => limit(y, viewport.imageHeight)).sort((m, n) => m - n);
  return { x: x0, y: y0, w: x1 - x0, h: y1 - y0 };
}

const rectangle = (done) => {
  let from = null;
  return {
    name: "rectangle",
    begin: (place) => (from = place),
    move: (place) => setDraft(boxBetween(from, place)),
    end(place) {
      setDraft(null);
      const box = boxBetween(from, place);
      if (box.w && box.h) done(box, place);
    },
    cancel: () => setDraft(null),
  };
};

const lasso = () => {
  let points = [];
  return {
    name: "lasso",
    begin: (place) => (points = [place]),
    move(place) {
      points.push(...place.all);
      setDraft({ points });
    },
    end(place) {
      setDraft(null);
      if (points.length < 3) return;
      fillPolygon(points, asksToSubtract(place));
      if (!asksToSubtract(place)) emit("stroke-done");
    },
    cancel: () => setDraft(null),
  };
};

let sampled = { key: null, pixels: null };

/** The colours of the current picture, reduced to at most `max` pixels. */
export async function samplePixels(max = 2048) {
  const step = currentStep();
  const key = `${session.document.id}/${step.id}/${max}`;
  if (sampled.key === key) return sampled.pixels;
  const bitmap = await viewBitmap(session.document.id, step.id, { max });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  sampled = { key, pixels: context.getImageData(0, 0, canvas.width, canvas.height) };
  return sampled.pixels;
}

const magic = () => ({
  name: "magic",
  async end(place) {
    if (!currentStep()) return;
    try {
      const pixels = await samplePixels();
      const x = Math.floor((place.x / viewport.imageWidth) * pixels.width);
      const y = Math.floor((place.y / viewport.imageHeight) * pixels.height);
      if (x < 0 || y < 0 || x >= pixels.width || y >= pixels.height) return;
      const alphas = similar(pixels, x, y, options.tolerance, options.joined);
      fillAlphas(alphas, pixels.width, pixels.height, { erases: asksToSubtract(place) });
      if (!asksToSubtract(place)) emit("stroke-done");
    } catch (error) {
      complain(error);
    }
  },
});

const makers = {
  hand,
  brush: () => painter("brush", false),
  eraser: () => painter("eraser", true),
  rectangle: () =>
    rectangle(({ x, y, w, h }, place) => {
      const corners = [{ x, y }, { x: x + w, y }, { x: x + w, y: y + h }, { x, y: y + h }];
      fillPolygon(corners, asksToSubtract(place));
      if (!asksToSubtract(place)) emit("stroke-done");
    }),
  lasso,
  magic,
};

let resting = "hand";

export function chooseTool(name) {
  tool.cancel?.();
  resting = name;
  tool = makers[name]();
  emit("tool", tool);
}

/** Waits for a box or a point to be given on the canvas; Escape, or another tool, calls it off. */
export function pick(kind, done) {
  tool.cancel?.();
  const finish = (shape) => {
    chooseTool(resting);
    done(shape);
  };
  tool = kind === "box" ? rectangle(finish) : { end: (place) => finish({ x: Math.floor(place.x), y: Math.floor(place.y) }) };
  tool.name = "pick";
  murmur(kind === "box" ? "Draw the box on the picture" : "Click the place on the picture");
  emit("tool", tool);
}

export const isPicking = () => tool.name === "pick";
export const endPicking = () => isPicking() && chooseTool(resting);

/** Where the pointer is, for the circle of the brush; null: away. */
export function hover(place) {
  at = place;
  if (tool.drawCursor) emit("paint");
}
