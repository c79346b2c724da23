// A feature of the model, chosen by its picture. Texts named "feature" are features: the server lists them for these.
import { api, featurePicture } from "./api.js";
import { complain } from "./announce.js";
import { byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { session } from "./session.js";
import { initialOf, setValues, valuesOf } from "./settings.js";

export const isFeature = (parameter) => parameter.kind === "text" && parameter.name === "feature";

const dialog = byId("features");
const grid = byId("features-grid");
let done = null;

async function choose(then) {
  done = then;
  byId("features-search").value = "";
  dialog.showModal();
  try {
    session.features ??= (await api.features()).sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
    fill();
  } catch (error) {
    complain(error);
  }
}

function fill() {
  const wanted = byId("features-search").value.trim().toLowerCase();
  const found = session.features.filter(({ name, caption }) => `${name} ${caption}`.toLowerCase().includes(wanted));
  grid.replaceChildren(
    ...found.map(({ name, caption }) =>
      h("button", { type: "button", class: "feature", onclick: () => { dialog.close(); done(name); } },
        h("img", { src: featurePicture(name), alt: "", loading: "lazy", width: 112, height: 112 }),
        h("strong", {}, name), h("small", {}, caption))));
  byId("features-none").hidden = found.length > 0;
}

export function startFeatures() {
  byId("features-search").addEventListener("input", fill);
}

export function featureField(parameter, { id, helpId }) {
  const picture = h("img", { alt: "", width: 36, height: 36, class: "feature-mark", hidden: true, onerror: () => (picture.hidden = true) });
  const field = h("input", {
    id, type: "text", autocomplete: "off", spellcheck: false, "aria-describedby": helpId,
    onchange: () => setValues(parameter.name, field.value.trim() ? [field.value.trim()] : null),
  });
  const refresh = () => {
    const [own] = valuesOf(parameter.name) ?? [];
    field.value = own ?? "";
    field.placeholder = initialOf(parameter) ?? "name";
    picture.hidden = !own || /[,:]/.test(own);
    if (!picture.hidden) picture.src = featurePicture(own);
  };
  return {
    refresh,
    element: h("div", { class: "inline" }, picture, field,
      h("button", { type: "button", class: "small", onclick: () => choose((name) => setValues(parameter.name, [name])) }, icon("grid"), "Choose")),
  };
}
