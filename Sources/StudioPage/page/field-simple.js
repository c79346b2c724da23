// Text, toggles, colours, points and boxes.
import { fresh, h } from "./dom.js";
import { icon } from "./icons.js";
import { setMarks } from "./marks.js";
import { initialOf, setValues, valuesOf } from "./settings.js";
import { pick } from "./tools.js";

const isYes = (text) => ["yes", "on", "true", "1"].includes(text);

export function toggleField(parameter, { id, helpId }) {
  const box = h("input", {
    type: "checkbox", id, class: "switch", role: "switch", "aria-describedby": helpId,
    onchange: () => {
      setValues(parameter.name, box.checked === isYes(initialOf(parameter)) ? null : [box.checked ? "yes" : "no"]);
    },
  });
  return { class: "toggle", refresh: () => (box.checked = isYes(valuesOf(parameter.name)?.[0] ?? initialOf(parameter))), element: "", beside: box };
}

/** Text; where several may be given, a field for each. */
export function textField(parameter, { id, helpId, label }) {
  if (parameter.flags.includes("repeated")) return listField(parameter, { label, make: () => null });
  const names = parameter.choices ?? [];
  const listId = names.length ? fresh("list") : null;
  const field = h("input", {
    id, type: "text", autocomplete: "off", spellcheck: false, "aria-describedby": helpId, list: listId,
    onchange: () => setValues(parameter.name, field.value.trim() ? [field.value.trim()] : null),
  });
  const refresh = () => {
    field.value = valuesOf(parameter.name)?.[0] ?? "";
    field.placeholder = initialOf(parameter) ?? "";
  };
  return {
    refresh,
    element: h("div", {}, field, listId && h("datalist", { id: listId }, ...names.map((choice) => h("option", { value: choice.name }, choice.help)))),
  };
}

export function colourField(parameter, { id, helpId, label }) {
  const well = h("input", { type: "color", "aria-label": `${label}, chooser`, oninput: () => setValues(parameter.name, [well.value]) });
  const field = h("input", {
    id, type: "text", autocomplete: "off", spellcheck: false, "aria-describedby": helpId,
    onchange: () => setValues(parameter.name, field.value.trim() ? [field.value.trim()] : null),
  });
  const refresh = () => {
    const text = valuesOf(parameter.name)?.[0] ?? initialOf(parameter) ?? "";
    field.value = valuesOf(parameter.name)?.[0] ?? "";
    field.placeholder = initialOf(parameter) ?? "#rrggbb";
    if (/^#[0-9a-f]{6}$/i.test(text)) well.value = text;
  };
  return { refresh, element: h("div", { class: "inline" }, well, field) };
}

/** A list of texts, each with its field and a button that takes it away; `make` gives buttons to add others. */
function listField(parameter, { label, make }) {
  const entries = h("div", { class: "entries" });
  const isRepeated = parameter.flags.includes("repeated");
  const all = () => valuesOf(parameter.name) ?? [];
  const put = (texts) => setValues(parameter.name, texts.filter(Boolean));
  const refresh = () => {
    entries.replaceChildren(
      ...all().map((text, k) => h("div", { class: "inline" },
        h("input", {
          type: "text", value: text, "aria-label": isRepeated ? `${label} ${k + 1}` : label, autocomplete: "off", spellcheck: false,
          onchange: (event) => put(all().with(k, event.target.value.trim())),
        }),
        h("button", {
          type: "button", class: "icon-button", title: "Take away", "aria-label": `Take away ${label} ${k + 1}`,
          onclick: () => put(all().toSpliced(k, 1)),
        }, icon("clear")))));
  };
  const add = h("input", {
    type: "text", placeholder: initialOf(parameter) ?? { box: "x,y,width,height", point: "x,y" }[parameter.kind] ?? "",
    "aria-label": isRepeated ? `Add ${label}` : label, autocomplete: "off", spellcheck: false,
    onchange: () => {
      const text = add.value.trim();
      add.value = "";
      if (text) put(isRepeated ? [...all(), text] : [text]);
    },
  });
  const append = (text) => put(isRepeated ? [...all(), text] : [text]);
  return { isGroup: true, refresh, element: h("div", {}, entries, h("div", { class: "inline" }, add, make(append))) };
}

/** Points and boxes: drawn on the canvas, or typed. */
export function shapeField(parameter, { label }) {
  const isBox = parameter.kind === "box";
  const field = listField(parameter, {
    label,
    make: (append) => h("button", {
      type: "button", class: "small", onclick: () =>
        pick(parameter.kind, (shape) => append(isBox ? `${shape.x},${shape.y},${shape.w},${shape.h}` : `${shape.x},${shape.y}`)),
    }, icon(isBox ? "rectangle" : "target"), isBox ? "Draw" : "Place"),
  });
  const shapes = () =>
    (valuesOf(parameter.name) ?? []).map((text) => text.split(",").map(Number))
      .filter((numbers) => numbers.length === (isBox ? 4 : 2) && numbers.every(Number.isFinite))
      .map(([x, y, w, h]) => (isBox ? { x, y, w, h } : { x, y }));
  return { ...field, refresh: () => { field.refresh(); setMarks(parameter.name, shapes()); } };
}
