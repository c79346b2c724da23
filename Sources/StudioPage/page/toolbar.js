// The buttons around the canvas: tools with their options, what is done to the mask, zoom, undo and redo.
import { complain, say } from "./announce.js";
import { byId, chooseFile, saveBlob } from "./dom.js";
import {
  clearMask, featherMask, fillAlphas, growMask, invertMask, isMaskEmpty, mask, maskFile, showMask,
} from "./mask.js";
import { currentStep, emit, on, session } from "./session.js";
import { canRedo, canUndo, redo, undo } from "./steps.js";
import { chooseTool, options, samplePixels, tool } from "./tools.js";
import { fit, viewport, zoomAt, zoomTo } from "./viewport.js";

const PAINTERS = ["brush", "eraser"];
const MARKERS = ["brush", "eraser", "rectangle", "lasso", "magic"];

function showTool() {
  for (const button of document.querySelectorAll("#rail [data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tool.name));
  }
  byId("canvas").dataset.tool = tool.name;
  for (const element of document.querySelectorAll("#tool-options [data-for]")) {
    const names = { painters: PAINTERS, shapes: ["rectangle", "lasso", "magic"], magic: ["magic"] }[element.dataset.for];
    element.hidden = !names.includes(tool.name);
  }
  byId("tool-options").hidden = !(MARKERS.includes(tool.name) && currentStep());
}

function setSize(size) {
  options.size = Math.min(Math.max(Math.round(size), 1), 2000);
  byId("brush-size").value = Math.log(options.size) / Math.log(2000) * 100;
  byId("brush-size-value").textContent = `${options.size} px`;
  byId("brush-size").setAttribute("aria-valuetext", `${options.size} pixels`);
  emit("paint");
}

export const scaleSize = (factor) => setSize(factor > 1 ? Math.max(options.size + 1, options.size * factor) : options.size * factor);

function refreshMask() {
  byId("mask-show").setAttribute("aria-pressed", String(mask.isShown));
  for (const name of ["mask-clear", "mask-show", "mask-grow", "mask-shrink", "mask-feather", "mask-save"]) byId(name).disabled = isMaskEmpty();
}

function refreshHistory() {
  byId("undo").disabled = !canUndo();
  byId("redo").disabled = !canRedo();
}

/** A picture's pixels, reduced to a size. */
async function pixelsOf(bitmap, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Takes a file as the mask: its alpha where it is transparent somewhere, else its brightness. */
async function maskFromFile() {
  const file = await chooseFile("image/*");
  if (!file) return;
  try {
    const bitmap = await createImageBitmap(file);
    const { width, height } = mask.canvas;
    const { data } = await pixelsOf(bitmap, width, height);
    let isTransparent = false;
    for (let k = 3; k < data.length && !isTransparent; k += 4) isTransparent = data[k] < 255;
    const alphas = new Uint8Array(width * height);
    for (let k = 0; k < alphas.length; k++) {
      const brightness = (data[k * 4] * 2 + data[k * 4 + 1] * 5 + data[k * 4 + 2]) / 8;
      alphas[k] = isTransparent ? data[k * 4 + 3] : brightness;
    }
    fillAlphas(alphas, width, height, { replaces: true });
  } catch {
    say(`${file.name}: no image that the browser can read`, { isError: true });
  }
}

async function maskFromAlpha() {
  try {
    const { data, width, height } = await samplePixels(4096);
    const alphas = new Uint8Array(width * height);
    for (let k = 0; k < alphas.length; k++) alphas[k] = 255 - data[k * 4 + 3];
    if (!alphas.some(Boolean)) return say("The picture is transparent nowhere");
    fillAlphas(alphas, width, height, { replaces: true });
  } catch (error) {
    complain(error);
  }
}

async function saveMask() {
  saveBlob(await maskFile(), `${session.document.name.replace(/\.[^.]*$/, "")}-mask.png`);
}

const amount = () => Math.max(0, Number(byId("mask-amount").value) || 0);

export function startToolbar() {
  for (const button of document.querySelectorAll("#rail [data-tool]")) button.addEventListener("click", () => chooseTool(button.dataset.tool));
  const click = (id, work) => byId(id).addEventListener("click", work);
  byId("brush-size").addEventListener("input", (event) => setSize(2000 ** (event.target.valueAsNumber / 100)));
  const slider = (id, suffix, set) => {
    const input = byId(id);
    const show = () => {
      byId(`${id}-value`).textContent = `${input.value}${suffix}`;
      set(input.valueAsNumber);
    };
    input.addEventListener("input", show);
    show();
  };
  slider("brush-hardness", " %", (value) => (options.hardness = value / 100));
  slider("magic-tolerance", "", (value) => (options.tolerance = value));
  byId("magic-joined").addEventListener("change", (event) => (options.joined = event.target.checked));
  byId("subtracts").addEventListener("change", (event) => (options.subtracts = event.target.checked));
  click("mask-show", () => showMask(!mask.isShown));
  click("mask-invert", invertMask);
  click("mask-clear", clearMask);
  click("mask-grow", () => growMask(amount()));
  click("mask-shrink", () => growMask(-amount()));
  click("mask-feather", () => featherMask(amount()));
  click("mask-file", maskFromFile);
  click("mask-alpha", maskFromAlpha);
  click("mask-save", saveMask);
  click("undo", undo);
  click("redo", redo);
  click("zoom-in", () => zoomAt(1.25));
  click("zoom-out", () => zoomAt(0.8));
  click("zoom-fit", fit);
  click("zoom-value", () => zoomTo(1 / devicePixelRatio));
  on("tool", showTool);
  on("shown", (step) => {
    showTool();
    byId("picture-size").textContent = step ? `${step.width} × ${step.height}` : "";
  });
  on("mask", () => { refreshMask(); refreshHistory(); });
  on("mask-shown", refreshMask);
  on("document", refreshHistory);
  on("viewport", () => (byId("zoom-value").textContent = `${Math.round(viewport.scale * devicePixelRatio * 100)} %`));
  // A brush that suits the picture.
  on("opened", () => {
    const step = currentStep();
    if (step) setSize(Math.max(step.width, step.height) / 14);
  });
  setSize(40);
  refreshMask();
  refreshHistory();
  chooseTool("hand");
}
