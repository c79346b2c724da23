// What the user set in each task's form: parameters by name, each a list of texts as the command line takes them.
import { emit, session } from "./session.js";

const sheets = new Map();
const PRESET = "preset";

const sheet = (task = session.task) => {
  if (!sheets.has(task.name)) sheets.set(task.name, { values: new Map(), masks: new Map(), usesPicture: usesPictureAtFirst(task) });
  return sheets.get(task.name);
};

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
  emit("setting", { name, isDragged });
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
  emit("setting", { name: null, isDragged: false });
}

/** Where a mask comes from: "canvas", "none", or the name of a file that was sent. The first is the canvas' at first. */
export const maskSource = (parameter) => sheet().masks.get(parameter.name) ?? (parameter === firstMask() ? "canvas" : "none");
export function setMaskSource(parameter, source) {
  sheet().masks.set(parameter.name, source);
  emit("setting", { name: parameter.name, isDragged: false });
}
export const maskParameters = (task = session.task) => task.parameters.filter((parameter) => parameter.kind === "mask");
const firstMask = () => maskParameters()[0] ?? null;

export const parameters = () => Object.fromEntries(sheet().values);

export function resetSettings() {
  sheets.delete(session.task.name);
  emit("task", session.task);
  emit("setting", { name: null, isDragged: false });
}

/** Whether the user has yet to give something that the task needs. The server knows the rest. */
export const missing = () =>
  session.task.parameters.filter(
    (parameter) =>
      parameter.flags.includes("required") && !["image", "mask"].includes(parameter.kind) && !isChanged(parameter.name) &&
      initialOf(parameter) === null);
