// A file for a parameter: a further photo, or any other. It is sent when it is chosen.
import { api } from "./api.js";
import { complain } from "./announce.js";
import { chooseFile, h } from "./dom.js";
import { icon } from "./icons.js";
import { session, setDocument } from "./session.js";
import { initialOf, setValues, valuesOf } from "./settings.js";

/** Sends a file to the open document; without one, to a new empty one. */
export async function sendFile(file) {
  if (!session.document) setDocument(await api.createEmptyDocument());
  return api.uploadFile(session.document.id, file);
}

export function fileField(parameter, { id, helpId, label }) {
  const isRepeated = parameter.flags.includes("repeated");
  const isImage = parameter.kind === "image";
  const names = h("span", { class: "file-names" });
  const take = async (files) => {
    try {
      const sent = [];
      for (const file of isRepeated ? files : files.slice(0, 1)) sent.push(await sendFile(file));
      setValues(parameter.name, isRepeated ? [...(valuesOf(parameter.name) ?? []), ...sent] : sent);
    } catch (error) {
      complain(error);
    }
  };
  const button = h("button", {
    type: "button", class: "small", id, "aria-describedby": helpId, "aria-label": `${label}: choose a file`,
    onclick: async () => {
      const file = await chooseFile(isImage ? "image/*" : "");
      if (file) await take([file]);
    },
  }, icon("file"), "Choose file");
  const element = h("div", {
    class: "inline file",
    ondragover: (event) => { event.preventDefault(); event.stopPropagation(); element.classList.add("over"); },
    ondragleave: () => element.classList.remove("over"),
    ondrop: (event) => {
      event.preventDefault();
      event.stopPropagation();
      element.classList.remove("over");
      take([...event.dataTransfer.files]);
    },
  }, button, names);
  const refresh = () => {
    const own = valuesOf(parameter.name);
    names.textContent = own?.join(", ") ?? initialOf(parameter) ?? "none; a file may be dropped here";
    names.classList.toggle("unset", !own);
  };
  return { refresh, element };
}
