// What the user set in each task's form: parameters by name, each a list of texts as the command line takes them. Each
// document has its own, which outlive a reload of the page.
import { emit, session } from "./session.js";

const sheets = new Map();
/** The sheet of each task that was in use last: what another document begins with. */
const latest = new Map();
const PRESET = "preset";

const keyOf = (task) => `settings/${session.document?.id ?? ""}/${task.name}`;

function keptSheet(key) {
  try {
    const { values, masks, usesPicture } = JSON.parse(sessionStorage.getItem(key));
    return { values: new Map(values), masks: new Map(masks), usesPicture };
  } catch {
    return null;
  }
}

const isOfDocument = (values, { name, kind }) =>
  ["image", "file", "mask", "point", "box"].includes(kind) ||
  (kind === "model" && !session.models.some((model) => model.name === values.get(name)?.[0]));

/** The settings of another document, without what was sent to it or lies on its picture. */
function sheetLike({ values, usesPicture }, task) {
  const others = task.parameters.filter((parameter) => isOfDocument(values, parameter)).map(({ name }) => name);
  return { values: new Map([...values].filter(([name]) => !others.includes(name))), masks: new Map(), usesPicture };
}

const sheet = (task = session.task) => {
  const key = keyOf(task);
  if (!sheets.has(key)) {
    const before = latest.get(task.name);
    sheets.set(key, keptSheet(key) ?? (before ? sheetLike(before, task) : emptySheet(task)));
  }
  latest.set(task.name, sheets.get(key));
  return sheets.get(key);
};

const emptySheet = (task) => ({ values: new Map(), masks: new Map(), usesPicture: usesPictureAtFirst(task) });

/** Keeps the settings and tells of them. */
function tell(name, isDragged = false) {
  const { values, masks, usesPicture } = sheet();
  try {
    sessionStorage.setItem(keyOf(session.task), JSON.stringify({ values: [...values], masks: [...masks], usesPicture }));
  } catch {} // Full: they last as long as the page.
  emit("setting", { name, isDragged });
}

/** The parameter that is the open picture. */
export const pictureParameter = (task) => task.parameters.find((parameter) => parameter.name === task.imageParameter) ?? null;

function usesPictureAtFirst(task) {
  if (task.needsImage) return true;
  const parameter = pictureParameter(task);
  return Boolean(parameter?.flags.includes("positional"));
}

export const valuesOf = (name) => sheet().values.get(name) ?? null;
export const isChanged = (name) => sheet().values.has(name);
export const changedCount = () => sheet().values.size;

/** Sets a parameter, or gives it back to its preset where there are no texts. `isDragged`: more will follow. */
export function setValues(name, texts, { isDragged = false } = {}) {
  if (texts?.length) sheet().values.set(name, texts);
  else sheet().values.delete(name);
  tell(name, isDragged);
}

export const chosenPreset = () =>
  session.task.presets.find((preset) => preset.name === valuesOf(PRESET)?.[0]) ?? session.task.presets[0] ?? null;
export function choosePreset(name) {
  setValues(PRESET, name === session.task.presets[0].name ? null : [name]);
  emit("preset");
}

/** What a parameter is where the user says nothing: the preset's value or the initial one. */
export const initialOf = (parameter) => chosenPreset()?.settings[parameter.name] ?? parameter.initial ?? null;

export const usesPicture = () => session.task.takesImage && sheet().usesPicture;
export function setUsesPicture(uses) {
  sheet().usesPicture = uses;
  tell(null);
}

/** Where a mask comes from: "canvas", "none", or the name of a file that was sent. The first is the canvas' at first. */
export const maskSource = (parameter) => sheet().masks.get(parameter.name) ?? (parameter === firstMask() ? "canvas" : "none");
export function setMaskSource(parameter, source) {
  sheet().masks.set(parameter.name, source);
  tell(parameter.name);
}
export const maskParameters = (task = session.task) => task.parameters.filter((parameter) => parameter.kind === "mask");
const firstMask = () => maskParameters()[0] ?? null;

export const parameters = () => Object.fromEntries(sheet().values);

export function resetSettings() {
  sheets.set(keyOf(session.task), emptySheet(session.task));
  emit("task", session.task);
  tell(null);
}

/** Whether the user has yet to give something that the task needs. The server knows the rest. */
export const missing = () =>
  session.task.parameters.filter(
    (parameter) =>
      parameter.flags.includes("required") && !["image", "mask"].includes(parameter.kind) && !isChanged(parameter.name) &&
      initialOf(parameter) === null);
