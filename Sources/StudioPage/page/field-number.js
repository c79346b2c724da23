// A number: a slider over its usual range, by factors where it is logarithmic, and a field for any value.
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { initialOf, setValues, valuesOf } from "./settings.js";

const TICKS = 1000;

/** The range of the slider: that in which values usually lie, else what of the limits is near the initial value. Null
    where nothing tells. */
function rangeOf({ softMin, softMax, min, max, initial, kind }) {
  if (Number.isFinite(softMin) && Number.isFinite(softMax) && softMin < softMax) return [softMin, softMax];
  if (!Number.isFinite(min) || !Number.isFinite(max) || min >= max) return null;
  const first = Number(initial ?? NaN);
  if (max - min <= 10 || (kind === "int" && max - min <= 100) || max - min <= 20 * Math.abs(first)) return [min, max];
  if (!Number.isFinite(first)) return null;
  const reach = first === 0 ? (kind === "int" ? 50 : 5) : Number((4 * Math.abs(first)).toPrecision(1));
  return [Math.max(min, min < 0 ? -reach : 0), Math.min(max, reach)];
}

/** How a place from 0 to 1 becomes a value. By factors, from 0 on: the least part of the slider is 0. */
function scaleOf([low, high], isLogarithmic) {
  if (!isLogarithmic || high <= 0) return { value: (at) => low + at * (high - low), place: (value) => (value - low) / (high - low) };
  const least = low > 0 ? low : high / 1000;
  const ratio = Math.log(high / least);
  return {
    value: (at) => (at === 0 ? low : least * Math.exp(at * ratio)),
    place: (value) => (value <= least ? 0 : Math.log(value / least) / ratio),
  };
}

/** A value in few digits: whole, or fine enough for the range. */
function rounded(value, isWhole, [low, high], isLogarithmic) {
  if (isWhole) return String(Math.round(value));
  const grain = isLogarithmic ? Math.abs(value) / 100 || 1e-6 : (high - low) / 200;
  const digits = Math.min(Math.max(0, Math.ceil(-Math.log10(grain))), 6);
  return String(Number(value.toFixed(digits)));
}

export function numberField(parameter, { id, helpId, label }) {
  const isWhole = parameter.kind === "int";
  const isLogarithmic = parameter.flags.includes("logarithmic");
  const range = parameter.name === "seed" ? null : rangeOf(parameter);
  const scale = range && scaleOf(range, isLogarithmic);
  const field = h("input", {
    id, type: "text", inputMode: "decimal", autocomplete: "off", spellcheck: false, class: "number",
    "aria-describedby": helpId,
    onchange: () => setValues(parameter.name, field.value.trim() ? [field.value.trim()] : null),
  });
  const slider = range && h("input", {
    type: "range", min: 0, max: TICKS, step: isWhole && !isLogarithmic && range[1] - range[0] <= TICKS ? TICKS / (range[1] - range[0]) : 1,
    "aria-label": `${label}, slider`, "aria-describedby": helpId,
    oninput: () => setValues(parameter.name, [read()], { isDragged: true }),
    onchange: () => setValues(parameter.name, [read()]),
  });
  const read = () => rounded(scale.value(slider.valueAsNumber / TICKS), isWhole, range, isLogarithmic);
  const dice = parameter.name === "seed" && h("button", {
    type: "button", class: "icon-button", title: "Draw a seed", "aria-label": "Draw a seed",
    onclick: () => setValues(parameter.name, [String(Math.floor(Math.random() * 1_000_000))]),
  }, icon("dice"));
  const refresh = () => {
    const [own] = valuesOf(parameter.name) ?? [];
    const initial = initialOf(parameter);
    field.value = own ?? "";
    field.placeholder = initial ?? "";
    if (!slider) return;
    const value = Number(own ?? initial);
    const place = Number.isFinite(value) && (own ?? initial) !== null ? Math.min(Math.max(scale.place(value), 0), 1) : 0;
    slider.valueAsNumber = place * TICKS;
    slider.style.setProperty("--filled", `${place * 100}%`);
    slider.classList.toggle("unset", own === undefined);
    slider.setAttribute("aria-valuetext", `${own ?? initial ?? "not set"}${parameter.unit ? ` ${parameter.unit}` : ""}`);
  };
  return {
    class: "numeric", refresh, element: slider || "",
    beside: h("span", { class: "number-box" }, field, parameter.unit && h("span", { class: "unit" }, parameter.unit), dice),
  };
}
