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

/** How well a feature is what was typed: its name, the beginning of it, within it, or in its caption. */
function rank({ name, caption }, wanted) {
  const own = name.toLowerCase();
  if (own === wanted) return 0;
  if (own.startsWith(wanted)) return 1;
  if (own.includes(wanted)) return 2;
  return caption.toLowerCase().includes(wanted) ? 3 : null;
}

function fill() {
  // Someone may type before the list is there.
  if (!session.features) return;
  const wanted = byId("features-search").value.trim().toLowerCase();
  const found = session.features.map((feature) => ({ ...feature, rank: rank(feature, wanted) })).filter(({ rank }) => rank !== null);
  if (wanted) found.sort((a, b) => a.rank - b.rank);
  forget();
  grid.replaceChildren(
    ...found.map(({ name, caption }) => {
      const picture = h("img", { alt: "", width: 112, height: 112 });
      pictures.set(picture, { name, abort: null });
      sight.observe(picture);
      return h("button", { type: "button", class: "feature", onclick: () => { dialog.close(); done(name); } },
        picture, h("strong", {}, name), h("small", {}, caption));
    }));
  byId("features-none").hidden = found.length > 0;
}

/** How many pictures are asked for at once: each may have to be made. */
const AT_ONCE = 2;
/** The pictures of the grid that are yet to come, and the addresses of those that came. */
const pictures = new Map();
const made = new Map();
const inSight = new Set();

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) inSight.add(target);
    else {
      inSight.delete(target);
      pictures.get(target)?.abort?.abort();
    }
  }
  ask();
}, { root: grid.parentElement, rootMargin: "120px" });

/** Asks for the pictures that are seen, in their order. */
function ask() {
  let going = [...pictures.values()].filter(({ abort }) => abort).length;
  for (const [picture, entry] of pictures) {
    if (!inSight.has(picture)) continue;
    const { name } = entry;
    if (made.has(name)) {
      picture.src = made.get(name);
      drop(picture);
    } else if (!entry.abort && going < AT_ONCE) {
      going++;
      load(picture, entry);
    }
  }
}

async function load(picture, entry) {
  entry.abort = new AbortController();
  try {
    const address = URL.createObjectURL(await api.featurePicture(entry.name, entry.abort.signal));
    made.set(entry.name, address);
  } catch (error) {
    if (error.name !== "AbortError") drop(picture);
  }
  entry.abort = null;
  ask();
}

function drop(picture) {
  pictures.delete(picture);
  inSight.delete(picture);
  sight.unobserve(picture);
}

/** Calls off what was asked for. */
function forget() {
  const open = [...pictures];
  for (const [picture, { abort }] of open) {
    drop(picture);
    abort?.abort();
  }
}

export function startFeatures() {
  byId("features-search").addEventListener("input", fill);
  dialog.addEventListener("close", forget);
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
