// A class, or a mixture of several with weights, chosen by searching: written as NAME:WEIGHT,NAME:WEIGHT.
import { fresh, h } from "./dom.js";
import { icon } from "./icons.js";
import { session } from "./session.js";
import { initialOf, setValues, valuesOf } from "./settings.js";

/** The classes of the model that the form has chosen. */
function classes() {
  const chosen = valuesOf("model")?.[0];
  const model = session.models.find((model) => model.name === chosen) ?? session.models.find((model) => model.isDefault) ?? session.models[0];
  return model?.classes ?? [];
}

const parsed = (text) =>
  text.split(",").filter(Boolean).map((part) => {
    const at = part.lastIndexOf(":");
    return at < 0 ? { name: part, weight: "1" } : { name: part.slice(0, at), weight: part.slice(at + 1) };
  });
const written = (parts) =>
  parts.length === 1 ? parts[0].name : parts.map(({ name, weight }) => `${name}:${weight}`).join(",");

export function classField(parameter, { id, helpId, label }) {
  const special = ["auto", "none"].filter((word) => parameter.flags.includes(word));
  const text = () => valuesOf(parameter.name)?.[0] ?? "";
  const parts = () => (special.includes(text()) ? [] : parsed(text()));
  const put = (parts) => setValues(parameter.name, parts.length ? [written(parts)] : null);
  const listId = fresh("classes");
  const list = h("ul", { id: listId, role: "listbox", class: "options", "aria-label": `${label}: classes`, hidden: true });
  let active = 0;
  const chips = h("div", { class: "chips" });
  const search = h("input", {
    id, type: "text", role: "combobox", autocomplete: "off", spellcheck: false, "aria-expanded": "false", "aria-controls": listId,
    "aria-autocomplete": "list", "aria-describedby": helpId,
    oninput: () => open(), onfocus: () => open(), onblur: () => setTimeout(close, 150),
    onkeydown: keys,
  });

  function found() {
    const wanted = search.value.trim().toLowerCase();
    const names = [...special, ...classes()].filter((name) => name.toLowerCase().includes(wanted));
    names.sort((a, b) => Number(b.toLowerCase().startsWith(wanted)) - Number(a.toLowerCase().startsWith(wanted)));
    return names;
  }
  function open() {
    const names = found();
    active = Math.min(active, Math.max(0, names.length - 1));
    list.replaceChildren(...names.map((name, k) => {
      const option = h("li", {
        role: "option", id: `${listId}-${k}`, "aria-selected": String(k === active), class: special.includes(name) ? "special" : "",
        onpointerdown: (event) => { event.preventDefault(); take(name); },
      }, name);
      return option;
    }));
    list.hidden = !names.length;
    search.setAttribute("aria-expanded", String(!list.hidden));
    search.setAttribute("aria-activedescendant", names.length ? `${listId}-${active}` : "");
    list.children[active]?.scrollIntoView({ block: "nearest" });
  }
  function close() {
    list.hidden = true;
    search.setAttribute("aria-expanded", "false");
    search.removeAttribute("aria-activedescendant");
  }
  function take(name) {
    search.value = "";
    active = 0;
    if (special.includes(name)) setValues(parameter.name, name === initialOf(parameter) ? null : [name]);
    else put([...parts().filter((part) => part.name !== name), { name, weight: "1" }]);
    close();
  }
  function keys(event) {
    const names = found();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) active = 0;
      else active = (active + (event.key === "ArrowDown" ? 1 : -1) + names.length) % Math.max(1, names.length);
      open();
    } else if (event.key === "Enter") {
      const typed = search.value.trim();
      if (!list.hidden && names[active] !== undefined) take(names[active]);
      else if (typed) setValues(parameter.name, [typed]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    } else if (event.key === "Backspace" && !search.value) put(parts().slice(0, -1));
    else return;
    if (event.key !== "Backspace") event.preventDefault();
  }

  const refresh = () => {
    const all = parts();
    const isSpecial = special.includes(text());
    chips.replaceChildren(
      ...(isSpecial ? [h("span", { class: "chip" }, text())] : []),
      ...all.map((part, k) => h("span", { class: "chip" },
        part.name,
        all.length > 1 && h("input", {
          type: "text", inputMode: "decimal", class: "weight", value: part.weight, "aria-label": `Weight of ${part.name}`,
          onchange: (event) => put(all.with(k, { ...part, weight: event.target.value.trim() || "1" })),
        }),
        h("button", { type: "button", title: "Take away", "aria-label": `Take away ${part.name}`, onclick: () => put(all.toSpliced(k, 1)) }, icon("clear")))));
    chips.hidden = !chips.children.length;
    search.placeholder = all.length ? "add a class to mix in" : text() ? "choose a class" : (initialOf(parameter) ?? "search classes");
  };
  return { class: "classes", refresh, element: h("div", { class: "combo" }, chips, search, list) };
}
