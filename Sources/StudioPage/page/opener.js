// Opening pictures: by drop, paste, the browser's dialog, from the folder, or what was open before.
import { api, folderThumb, viewAddress } from "./api.js";
import { complain, say } from "./announce.js";
import { byId, chooseFile, h } from "./dom.js";
import { icon } from "./icons.js";
import { on, session, setDocument } from "./session.js";

const home = byId("home");
const problem = byId("home-error");

export function showHome(isShown = true) {
  home.hidden = !isShown;
  byId("home-close").hidden = !session.document;
  document.body.classList.toggle("at-home", isShown);
  if (isShown) {
    problem.textContent = "";
    listDocuments();
  }
}

/** Opens what `make` gives; an error is said where pictures are dropped. */
async function open(make, name) {
  problem.textContent = "";
  home.setAttribute("aria-busy", "true");
  try {
    setDocument(await make());
    showHome(false); // It may be the one that was open.
  } catch (error) {
    if (home.hidden) say(error.message, { isError: true });
    else problem.textContent = error.message;
  }
  home.removeAttribute("aria-busy");
}

const openFile = (file) => open(() => api.createDocument(file.name || "pasted.png", file));
export const openDocument = (id) => open(() => api.document(id));

async function openWithDialog() {
  const file = await chooseFile("image/*,.dng,.cr2,.nef,.arw,.jxl,.heic");
  if (file) await openFile(file);
}

/** The picture of a tile, or what stands for one that cannot be shown. */
function tilePicture(address) {
  const none = () => h("span", { class: "no-picture" }, icon("file"));
  if (!address) return none();
  const picture = h("img", { src: address, alt: "", loading: "lazy", onerror: () => picture.replaceWith(none()) });
  return picture;
}

function fillFolder() {
  const { name, images } = session.folder;
  byId("folder-section").hidden = !images.length;
  byId("folder-name").textContent = name ?? "";
  byId("folder-grid").replaceChildren(
    ...images.map((image) =>
      h("button", { type: "button", class: "thumb", onclick: () => open(() => api.openFromFolder(image.name)) },
        tilePicture(folderThumb(image.name)), h("span", {}, image.name))));
}

const ago = (seconds) => {
  const minutes = (Date.now() / 1000 - seconds) / 60;
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${Math.round(minutes)} min ago`;
  if (minutes < 60 * 24) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 60 / 24)} days ago`;
};

async function remove(document) {
  if (!confirm(`Delete ${document.name} and its ${document.steps} steps?`)) return;
  try {
    await api.deleteDocument(document.id);
    if (session.document?.id === document.id) setDocument(null);
    showHome();
  } catch (error) {
    complain(error);
  }
}

async function listDocuments() {
  let documents = [];
  try {
    documents = await api.documents();
  } catch (error) {
    return complain(error);
  }
  byId("recent-section").hidden = !documents.length;
  byId("recent-grid").replaceChildren(
    ...documents.map((document) =>
      h("div", { class: "recent" },
        h("button", { type: "button", class: "thumb", onclick: () => openDocument(document.id) },
          tilePicture(document.steps > 0 && viewAddress(document.id, document.current ?? 1, { max: 256 })),
          h("span", {}, document.name), h("small", {}, `${document.steps} ${document.steps === 1 ? "step" : "steps"} · ${ago(document.changed)}`)),
        h("button", { type: "button", class: "icon-button", title: `Delete ${document.name}`, "aria-label": `Delete ${document.name}`, onclick: () => remove(document) }, icon("trash")))));
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

export function startOpener() {
  byId("open").addEventListener("click", () => showHome(home.hidden));
  byId("home-close").addEventListener("click", () => showHome(false));
  byId("choose-file").addEventListener("click", openWithDialog);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", () => document.body.classList.remove("dropping"), { capture: true });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) openFile(file);
  });
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    openFile(file);
  });
  on("opened", (document) => document && showHome(false));
  on("folder", fillFolder);
  on("documents", () => !home.hidden && listDocuments());
  on("document", (document) => {
    byId("document-name").textContent = document?.name ?? "No picture";
    globalThis.document.title = document ? `${document.name} – rtool studio` : "rtool studio";
  });
}
