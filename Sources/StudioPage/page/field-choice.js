// A choice of names: side by side where they are few and short, else a list; the help of the chosen one is shown.
import { arrowsChoose, h } from "./dom.js";
import { initialOf, setValues, valuesOf } from "./settings.js";

export function chosenField(parameter, { id, helpId, label }) {
  const names = parameter.choices.map((choice) => choice.name);
  const value = () => valuesOf(parameter.name)?.[0] ?? initialOf(parameter);
  const choose = (name) => setValues(parameter.name, name === initialOf(parameter) ? null : [name]);
  const help = h("p", { class: "help choice-help" });
  const tell = () => {
    help.textContent = parameter.choices.find((choice) => choice.name === value())?.help ?? "";
    help.hidden = !help.textContent;
  };
  if (names.length <= 4 && names.join("").length <= 24) {
    const buttons = parameter.choices.map((choice) =>
      h("button", { type: "button", role: "radio", title: choice.help, onclick: () => choose(choice.name) }, choice.name));
    const group = h("div", { class: "segments", role: "radiogroup", "aria-label": label, "aria-describedby": helpId }, ...buttons);
    arrowsChoose(group);
    const refresh = () => {
      names.forEach((name, k) => {
        buttons[k].setAttribute("aria-checked", name === value());
        buttons[k].tabIndex = name === value() || (!names.includes(value()) && k === 0) ? 0 : -1;
      });
      tell();
    };
    return { isGroup: true, refresh, element: group, after: help };
  }
  const list = h("select", { id, "aria-describedby": helpId, onchange: () => choose(list.value) },
    ...(initialOf(parameter) === null ? [h("option", { value: "" }, "–")] : []),
    ...parameter.choices.map((choice) => h("option", { value: choice.name, title: choice.help }, choice.name)));
  const refresh = () => {
    list.value = value() ?? "";
    tell();
  };
  return { refresh, element: list, after: help };
}
