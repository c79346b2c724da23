// What lies over the picture while something is being made: iterates of runs and previews, each at its place.
import { byId } from "./dom.js";
import { outlineMask } from "./mask.js";
import { emit } from "./session.js";

const overlays = new Map();

const tellOfPreview = () => (byId("preview-note").hidden = !overlays.get("preview")?.image);

/** An image from a data: address, decoded. */
async function decoded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

/** What the mask does not mark stays as it is, so an iterate is shown where it marks alone. */
function cut(image, place, clip) {
  const canvas = document.createElement("canvas");
  const k = Math.min(1, 1024 / Math.max(place[2], place[3]));
  canvas.width = Math.max(image.naturalWidth, Math.round(place[2] * k));
  canvas.height = Math.max(image.naturalHeight, Math.round(place[3] * k));
  const [sx, sy] = [canvas.width / place[2], canvas.height / place[3]];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "destination-in";
  context.drawImage(clip.canvas, (clip.x - place[0]) * sx, (clip.y - place[1]) * sy, clip.w * sx, clip.h * sy);
  return canvas;
}

/** Shows an image: `place` in the pixels of a picture of `size`, or null for the whole. The newest of a key stays. */
export async function showOverlay(key, address, { place = null, size = null, clip = null } = {}) {
  const ticket = {};
  if (!hasOverlay(key)) outlineMask();
  const entry = overlays.get(key) ?? {};
  entry.ticket = ticket;
  overlays.set(key, entry);
  let image;
  try {
    image = await decoded(address);
  } catch {
    return;
  }
  if (overlays.get(key)?.ticket !== ticket) return;
  const natural = { width: image.naturalWidth, height: image.naturalHeight };
  const whole = size ? [0, 0, size.width, size.height] : null;
  Object.assign(entry, { place, size, natural, image: clip && size ? cut(image, place ?? whole, clip) : image });
  tellOfPreview();
  emit("overlay", entry);
  emit("paint");
}

export function hideOverlay(key) {
  if (overlays.delete(key)) {
    tellOfPreview();
    emit("overlay", null);
    emit("paint");
  }
}

export const hasOverlay = (key) => Boolean(overlays.get(key)?.image);
export const anyOverlay = () => [...overlays.values()].some((entry) => entry.image);

/** Draws all of them over a picture from (0, 0) to (width, height). */
export function drawOverlays(context, width, height) {
  for (const { image, place, size } of overlays.values()) {
    if (!image) continue;
    if (!place || !size) {
      context.drawImage(image, 0, 0, width, height);
      continue;
    }
    const [sx, sy] = [width / size.width, height / size.height];
    context.drawImage(image, place[0] * sx, place[1] * sy, place[2] * sx, place[3] * sy);
  }
}
