// The form of a task, made from its manifest: nothing of any task is known here.
import { arrowsChoose, byId, capital, fresh, h } from "./dom.js";
import { chosenField } from "./field-choice.js";
import { classField } from "./field-class.js";
import { featureField, isFeature } from "./field-feature.js";
import { fileField } from "./field-file.js";
import { maskField } from "./field-mask.js";
import { modelField } from "./field-model.js";
import { numberField } from "./field-number.js";
import { colourField, shapeField, textField, toggleField } from "./field-simple.js";
import { icon } from "./icons.js";
import { clearMarks } from "./marks.js";
import { currentStep, on, session } from "./session.js";
import {
  changedCount, choosePreset, chosenPreset, isChanged, pictureParameter, resetSettings, setUsesPicture,
  setValues, usesPicture,
} from "./settings.js";

const makers = {
  bool: toggleField, int: numberField, real: numberField, text: textField, choice: chosenField, image: fileField,
  file: fileField, mask: maskField, class: classField, color: colourField, point: shapeField, box: shapeField,
  layer: textField, model: modelField,
};

const labelOf = (name) => capital(name.replaceAll("-", " "));

/** The rows that are shown, to be brought up to date when a setting changes. */
let rows = [];

/** A row: label, control, help, and a way back to the initial value where it was changed. */
function row(parameter) {
  const make = isFeature(parameter) ? featureField : (makers[parameter.kind] ?? textField);
  const [id, helpId] = [fresh("field"), fresh("help")];
  const label = labelOf(parameter.name);
  const field = make(parameter, { id, helpId, label });
  const reset = h("button", {
    type: "button", class: "icon-button reset", title: `Reset ${label}`, "aria-label": `Reset ${label}`,
    onclick: () => setValues(parameter.name, null),
  }, icon("reset"));
  const name = field.isGroup ? h("span", { class: "label", id: `${id}-label` }, label) : h("label", { class: "label", htmlFor: id }, label);
  const isRequired = parameter.flags.includes("required") && parameter.kind !== "mask";
  const element = h("div", { class: `row ${field.class ?? ""}` },
    h("div", { class: "row-head" }, name, isRequired && h("span", { class: "required" }, "required"), reset, field.beside),
    field.element, h("p", { class: "help", id: helpId }, parameter.help), field.after);
  const refresh = () => {
    reset.hidden = !isChanged(parameter.name);
    field.refresh?.();
  };
  rows.push({ name: parameter.name, refresh });
  refresh();
  return element;
}

function presets(task) {
  if (!task.presets.length) return null;
  const help = h("p", { class: "help", id: "preset-help" });
  const buttons = task.presets.map((preset) =>
    h("button", { type: "button", role: "radio", onclick: () => choosePreset(preset.name) }, preset.name));
  const group = h("div", { class: "segments", role: "radiogroup", "aria-label": "Preset", "aria-describedby": "preset-help" }, ...buttons);
  arrowsChoose(group);
  const refresh = () => {
    const chosen = chosenPreset();
    task.presets.forEach((preset, k) => {
      buttons[k].setAttribute("aria-checked", preset === chosen);
      buttons[k].tabIndex = preset === chosen ? 0 : -1;
    });
    help.textContent = chosen.help;
  };
  rows.push({ name: "preset", refresh });
  refresh();
  return h("div", { class: "row" }, h("div", { class: "row-head" }, h("span", { class: "label" }, "Preset")), group, help);
}

/** Whether the open picture is given to a task that can do without one. */
function pictureRow(task, parameter) {
  if (!parameter || task.needsImage || !task.takesImage) return null;
  const field = toggleFor("Use the open picture", () => usesPicture(), setUsesPicture, parameter.help);
  const refresh = () => {
    field.refresh();
    field.element.hidden = !currentStep();
  };
  rows.push({ name: null, refresh });
  return field.element;
}

function toggleFor(text, get, set, help) {
  const [id, helpId] = [fresh("field"), fresh("help")];
  const box = h("input", { type: "checkbox", id, class: "switch", role: "switch", "aria-describedby": helpId, onchange: () => set(box.checked) });
  const refresh = () => (box.checked = get());
  refresh();
  return {
    refresh,
    element: h("div", { class: "row toggle" },
      h("div", { class: "row-head" }, h("label", { class: "label", htmlFor: id }, text), box), h("p", { class: "help", id: helpId }, help)),
  };
}

function fold(title, content) {
  if (!content.length) return null;
  return h("details", { class: "fold" }, h("summary", {}, icon("chevron"), title, h("span", { class: "count" }, content.length)), ...content.map(row));
}

function sections(task, skipped) {
  const own = task.parameters.filter((parameter) => parameter !== skipped && parameter.name !== "preset");
  const isSeed = (parameter) => parameter.isHost && parameter.name === "seed";
  const groups = new Map();
  for (const parameter of own.filter((parameter) => !parameter.isHost)) {
    const key = parameter.group ?? "";
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(parameter);
  }
  const result = [];
  for (const [title, members] of groups) {
    const isPlain = (parameter) => !parameter.flags.includes("advanced") && !parameter.mask;
    const plain = members.filter(isPlain);
    const ofMasks = members.filter((parameter) => parameter.mask);
    const advanced = members.filter((parameter) => !isPlain(parameter) && !parameter.mask);
    const heading = title && plain.length ? h("h3", {}, title) : null;
    result.push(h("section", {}, heading, ...plain.map(row), fold("How the mask is read", ofMasks),
      fold(plain.length ? (title ? `More of ${title.toLowerCase()}` : "More") : title || "More", advanced)));
  }
  const seed = own.filter(isSeed);
  if (seed.length) result.push(h("section", {}, ...seed.map(row)));
  const hosts = new Map();
  for (const parameter of own.filter((parameter) => parameter.isHost && !isSeed(parameter))) {
    const key = parameter.group ?? "Run";
    hosts.set(key, [...(hosts.get(key) ?? []), parameter]);
  }
  for (const [title, members] of hosts) result.push(fold(title, members));
  return result;
}

function about(task) {
  const paragraphs = (task.description ?? "").split(/\n\s*\n/).filter(Boolean);
  if (!paragraphs.length && !task.examples.length) return null;
  return h("details", { class: "fold about" },
    h("summary", {}, icon("chevron"), "About this task"),
    ...paragraphs.map((text) => h("p", {}, text.replace(/\s*\n\s*/g, " "))),
    task.examples.length ? h("h4", {}, "Examples") : null,
    ...task.examples.map((example) =>
      h("p", { class: "example" }, example.help, h("code", {}, `rtool ${task.name} ${example.arguments}`))),
    h("p", { class: "facts" }, `${task.name} ${task.version}${task.isBundled ? "" : " · installed by you"}`));
}

function build() {
  const { task } = session;
  rows = [];
  clearMarks();
  const picture = pictureParameter(task);
  const resetAll = h("button", { type: "button", class: "small", onclick: resetSettings }, icon("reset"), "Reset all");
  rows.push({ name: null, refresh: () => (resetAll.hidden = changedCount() === 0) });
  const parts = [
    h("p", { class: "summary" }, task.summary, "."), about(task), presets(task), pictureRow(task, picture),
    ...sections(task, picture), h("div", { class: "form-end" }, resetAll),
  ];
  byId("form").replaceChildren(...parts.filter(Boolean));
  rows.forEach((row) => row.refresh());
}

export function startForm() {
  on("task", build);
  on("opened", () => session.task && build());
  on("setting", ({ name }) => rows.forEach((row) => (name === null || row.name === name || row.name === null) && row.refresh()));
  on("preset", () => rows.forEach((row) => row.refresh()));
  on("step", () => rows.forEach((row) => row.name === null && row.refresh()));
  on("models", () => rows.forEach((row) => row.refresh()));
}
