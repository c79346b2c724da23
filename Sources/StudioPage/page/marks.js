// Points and boxes that the user gave as parameters, drawn over the picture, and the drawing of new ones.
import { emit } from "./session.js";
import { viewport } from "./viewport.js";

const marks = new Map();
let draft = null;

/** `shapes`: points {x, y} and boxes {x, y, w, h} in the picture's pixels. */
export function setMarks(key, shapes) {
  if (shapes.length) marks.set(key, shapes);
  else marks.delete(key);
  emit("marks");
}

export function clearMarks() {
  marks.clear();
  emit("marks");
}

export function setDraft(shape) {
  draft = shape;
  emit("marks");
}

export function drawMarks(context) {
  const { x, y, scale } = viewport;
  const outline = (shape) => {
    context.beginPath();
    if (shape.points) {
      shape.points.forEach((point) => context.lineTo(x + point.x * scale, y + point.y * scale));
    } else if (shape.w === undefined) {
      const [cx, cy] = [x + (shape.x + 0.5) * scale, y + (shape.y + 0.5) * scale];
      context.arc(cx, cy, 6, 0, 7);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(cx + dx * 4, cy + dy * 4);
        context.lineTo(cx + dx * 11, cy + dy * 11);
      }
    } else context.rect(x + shape.x * scale, y + shape.y * scale, shape.w * scale, shape.h * scale);
    context.stroke();
  };
  const shapes = [...marks.values()].flat();
  if (draft) shapes.push(draft);
  for (const shape of shapes) {
    context.setLineDash([]);
    context.lineWidth = 3;
    context.strokeStyle = "rgb(0 0 0 / 55%)";
    outline(shape);
    context.setLineDash(shape === draft ? [5, 4] : []);
    context.lineWidth = 1.5;
    context.strokeStyle = "#fff";
    outline(shape);
  }
  context.setLineDash([]);
}
