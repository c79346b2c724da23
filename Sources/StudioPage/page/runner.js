// Starting runs: what the form says, from which step, with which mask; previews while a slider moves.
import { api } from "./api.js";
import { murmur } from "./announce.js";
import { capital } from "./dom.js";
import { discardMask, giveBack, isMaskEmpty, mask, maskPart, maskSnapshot, outlineMask, settleStrokes, showMask } from "./mask.js";
import { hasOverlay, hideOverlay } from "./overlays.js";
import { adopt, isBusy } from "./runs.js";
import { currentStep, emit, on, session, setDocument, stepOf } from "./session.js";
import { isChanged, maskParameters, maskSource, missing, parameters, usesPicture } from "./settings.js";

/** `isLive`: a changed setting runs at once. `paintsLive`: a stroke does. `from`: "current", or "before" the task that
    made the current step. */
export const runner = { isLive: false, paintsLive: false, from: "current", isChosen: false };

/** With which mask each step was made. */
const madeWith = new Map();
let uploaded = { key: null, name: null };

const canGoBefore = () => {
  const step = currentStep();
  return Boolean(step && step.parent !== null && step.task === session.task?.name);
};
const baseStep = () => (runner.from === "before" && canGoBefore() ? stepOf(currentStep().parent) : currentStep());

/** `isChosen`: by the user, whose word stands until another step is the current one. */
export function setFrom(from, { isChosen = false } = {}) {
  runner.from = from;
  runner.isChosen = isChosen;
  emit("runner");
}

/** A setting that changes after its task has run with this mask is tried on what the task was given, and so are other
    seeds. */
export function goBefore() {
  if (!runner.isChosen && canGoBefore() && madeWith.get(currentStep().id) === mask.version) setFrom("before");
  else emit("runner");
}

/** The name of the canvas' mask at the server, which gets it once; null: nothing is marked. */
async function sentMask() {
  if (isMaskEmpty()) return null;
  const key = `${session.document.id}/${mask.version}/${mask.width}x${mask.height}`;
  if (uploaded.key === key) return uploaded.name;
  const part = await maskPart();
  const name = part && (await api.uploadMask(session.document.id, part));
  uploaded = { key, name };
  return name;
}

async function masks() {
  const result = {};
  for (const parameter of maskParameters()) {
    const source = maskSource(parameter);
    const name = source === "canvas" ? await sentMask() : source === "none" ? null : source;
    if (name) result[parameter.name] = name;
  }
  return result;
}

/** Where alone a run changes the picture, as far as the page can tell: what is marked, unless boxes add to it. */
function clipOfRun() {
  const hasBoxes = session.task.parameters.some(({ kind, name }) => kind === "box" && isChanged(name));
  return usesCanvasMask() && !hasBoxes ? maskSnapshot() : null;
}

const usesCanvasMask = () => usesPicture() && maskParameters().some((parameter) => maskSource(parameter) === "canvas");

/** A mask that the next run would use is seen. */
function showUsedMask() {
  if (!mask.isShown && usesCanvasMask() && !hasOverlay("preview")) showMask(true);
}

async function settings(extra) {
  const base = usesPicture() ? baseStep() : null;
  return {
    task: session.task.name, step: base?.id ?? null, parameters: parameters(), masks: base ? await masks() : {},
    seeds: null, preview: false, ...extra,
  };
}

/** Why the task cannot begin, in words, or null. */
export function obstacle() {
  if (session.task.needsImage && !currentStep()) return "Open a picture first.";
  const [first] = missing();
  return first ? `Give a value for “${first.name}”.` : null;
}

/** Runs the task; several seeds make variants. Errors are the form's. */
export async function run({ seeds = null, usesMaskUp = false } = {}) {
  if (isStarting) return;
  emit("run-error", null);
  const why = obstacle();
  if (why) return emit("run-error", why);
  isStarting = true;
  try {
    if (!session.document) setDocument(await api.createEmptyDocument());
    cancelPreview();
    const wanted = await settings({ seeds });
    const clip = clipOfRun();
    const group = seeds ? {} : null;
    const version = mask.version;
    const described = await api.run(session.document.id, wanted);
    const usedUp = usesMaskUp ? maskSnapshot() : null;
    const started = adopt(described, { clip, group, version, usedUp });
    if (usedUp) discardMask();
    settleStrokes();
    outlineMask();
    if (group) emit("variants", started);
    murmur(`${capital(session.task.name)} has begun`);
  } catch (error) {
    emit("run-error", error.message);
  }
  isStarting = false;
}

let isStarting = false;
/** What is to run when the run that goes on is over. */
let next = null;

/** Runs now, or once the run that goes on is over, on what that makes. The last wish counts. */
function runInTurn(options) {
  if (!isStarting && !isBusy()) return run(options);
  next = options;
}

let isAsking = false;
let isWanted = false;
let ticket = 0;

/** Asks for a preview of the settings. The newest wins: while one is asked for, only the last wish is remembered. */
export async function preview() {
  isWanted = true;
  if (isAsking) return;
  isAsking = true;
  while (isWanted) {
    isWanted = false;
    const mine = ticket;
    if (obstacle() || !session.task.makesImage || !session.document) break;
    try {
      const clip = clipOfRun();
      const described = await api.run(session.document.id, await settings({ preview: true }));
      if (mine === ticket) adopt(described, { clip });
    } catch (error) {
      emit("run-error", error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  isAsking = false;
}

export function cancelPreview() {
  ticket++;
  isWanted = false;
  hideOverlay("preview");
}

export function startRunner() {
  on("run-over", (over) => {
    if (over.preview) {
      if (over.error) emit("run-error", over.error);
      return;
    }
    if (over.result) madeWith.set(over.result.id, over.version);
    if (over.document !== session.document?.id) return;
    if (over.usedUp && !over.result) giveBack(over.usedUp);
    if (over.error && !over.group) emit("run-error", over.error);
    if (!next || isBusy() || isStarting) return;
    const options = next;
    next = null;
    if (over.error || over.isStopped) return;
    if (!options.usesMaskUp) goBefore();
    run(options);
  });
  on("setting", ({ isDragged }) => {
    emit("run-error", null);
    goBefore();
    if (isDragged) preview();
    else if (runner.isLive && !obstacle() && session.task.makesImage) runInTurn({});
    else showUsedMask();
  });
  on("step", () => {
    cancelPreview();
    setFrom("current");
  });
  on("task", () => {
    cancelPreview();
    setFrom("current");
    emit("run-error", null);
    showUsedMask();
  });
  on("mask", () => {
    emit("run-error", null);
    if (hasOverlay("preview")) cancelPreview();
    if (runner.from === "before") setFrom("current");
  });
  on("stroke-done", () => {
    if (runner.paintsLive && maskParameters().length && currentStep()) runInTurn({ usesMaskUp: true });
  });
}
