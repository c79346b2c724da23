// Where a mask comes from: the canvas, a file, or nowhere.
import { complain } from "./announce.js";
import { chooseFile, h } from "./dom.js";
import { sendFile } from "./field-file.js";
import { isMaskEmpty, mask } from "./mask.js";
import { on } from "./session.js";
import { maskSource, setMaskSource } from "./settings.js";

/** What is said of the canvas' mask, wherever a form shows it. */
const tellers = new Set();
on("mask", () => tellers.forEach((tell) => tell()));
on("mask-shown", () => tellers.forEach((tell) => tell()));
on("task", () => tellers.clear());
on("opened", () => tellers.clear());

export function maskField(parameter, { id, helpId }) {
  const isRequired = parameter.flags.includes("required");
  const nothing = isRequired
    ? "Nothing is marked yet: paint on the picture."
    : "Nothing is marked; optional: paint to change a part only.";
  const state = h("p", { class: "mask-state" });
  const list = h("select", {
    id, "aria-describedby": helpId,
    onchange: async () => {
      if (list.value !== "file") return setMaskSource(parameter, list.value);
      const file = await chooseFile("image/*");
      try {
        if (file) setMaskSource(parameter, await sendFile(file));
      } catch (error) {
        complain(error);
      }
      refresh();
    },
  });
  const tell = () => {
    const source = maskSource(parameter);
    const isSeen = mask.isShown || mask.isOutlined;
    state.hidden = source !== "canvas";
    state.classList.toggle("empty", isMaskEmpty());
    state.classList.toggle("needed", isRequired);
    const used = isSeen ? "What is marked on the picture is used." : "What is marked on the picture is used, and hidden now (M shows it).";
    state.textContent = isMaskEmpty() ? nothing : used;
  };
  const refresh = () => {
    const source = maskSource(parameter);
    const own = ["canvas", "none"].includes(source) ? [] : [h("option", { value: source }, source)];
    list.replaceChildren(
      h("option", { value: "canvas" }, "painted on the picture"), ...own, h("option", { value: "file" }, "a file …"), h("option", { value: "none" }, "none"));
    list.value = source;
    tell();
  };
  tellers.add(tell);
  return { class: "mask", refresh, element: h("div", {}, list, state) };
}
