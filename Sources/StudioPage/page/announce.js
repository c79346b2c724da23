// What is said to all: a line at the bottom, which screen readers speak, and a banner where the server is lost.
import { byId, h } from "./dom.js";

let timer = 0;

/** Says a sentence for some seconds. */
export function say(text, { isError = false } = {}) {
  const place = byId("toast");
  place.replaceChildren(h("span", { class: isError ? "toast error" : "toast" }, text));
  clearTimeout(timer);
  timer = setTimeout(() => place.replaceChildren(), isError ? 9000 : 3500);
}

/** Says to screen readers alone how something goes. */
export function murmur(text) {
  byId("murmur").textContent = text;
}

export const complain = (error) => {
  if (error?.name !== "AbortError") say(error?.message ?? String(error), { isError: true });
};
