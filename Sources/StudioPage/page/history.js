// The history of steps: a tree, each with its picture; the current one with its command, figures and files.
import { fileAddress, viewAddress } from "./api.js";
import { say } from "./announce.js";
import { compareWith } from "./compare.js";
import { byId, h } from "./dom.js";
import { icon } from "./icons.js";
import { currentStep, on, session, stepName, stepOf } from "./session.js";
import { goTo } from "./steps.js";

const bytes = (count) =>
  count < 1e3 ? `${count} B` : count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;

/** The steps in the order in which they are listed, with how many branches lie before each. */
function ordered(document) {
  const list = [];
  const children = (id) => document.steps.filter((step) => step.parent === id);
  const add = (step, depth) => {
    list.push({ step, depth });
    const next = children(step.id);
    // What goes straight on is not indented; branches are.
    next.forEach((child, k) => add(child, k === next.length - 1 ? depth : depth + 1));
  };
  const roots = document.steps.filter((step) => step.parent === null || !stepOf(step.parent));
  roots.forEach((root) => add(root, 0));
  return list;
}

function ancestors(step) {
  const ids = new Set();
  for (let at = step; at; at = at.parent === null ? null : stepOf(at.parent)) ids.add(at.id);
  return ids;
}

async function copyCommand(step) {
  try {
    await navigator.clipboard.writeText(step.command);
    say("The command is copied; run it in the step's folder");
  } catch {
    say("The browser does not let the page copy; select the command instead", { isError: true });
  }
}

function details(step) {
  const facts = [
    `${step.width} × ${step.height}`, step.format, bytes(step.bytes),
    step.seed !== null && step.task ? `seed ${step.seed}` : null,
    step.seconds !== null ? `${step.seconds < 10 ? step.seconds.toFixed(1) : Math.round(step.seconds)} s` : null,
  ].filter(Boolean);
  const command = step.exact && step.command && h("div", { class: "command" },
    h("code", { tabIndex: 0, "aria-label": "Command line of this step" }, step.command),
    h("button", { type: "button", class: "small", onclick: () => copyCommand(step) }, icon("copy"), "Copy command"));
  return h("div", { class: "step-details" },
    h("p", { class: "facts" }, facts.join(" · ")),
    ...step.warnings.map((text) => h("p", { class: "warning" }, text)),
    !step.exact && h("p", { class: "warning" }, "Stopped early: no command makes this again."),
    step.text && h("pre", { tabIndex: 0, "aria-label": "What the task printed" }, step.text),
    command, command && h("p", { class: "folder" }, "Folder: ", h("code", {}, step.folder)),
    h("a", { class: "button small", href: fileAddress(session.document.id, step.id), download: "" }, icon("download"), "Download"));
}

function item({ step, depth }, current, path) {
  const isCurrent = step.id === current?.id;
  const element = h("li", { class: `step${path.has(step.id) ? " on-path" : ""}${isCurrent ? " current" : ""}` },
    h("div", { class: "step-row" },
      h("button", {
        type: "button", class: "step-button", "aria-current": isCurrent ? "step" : null, onclick: () => goTo(step.id),
      },
      h("img", { src: viewAddress(session.document.id, step.id, { max: 128 }), alt: "", loading: "lazy" }),
      h("span", { class: "step-text" },
        h("strong", {}, stepName(step)),
        h("small", {}, `${step.width} × ${step.height}${step.exact ? "" : " · stopped early"}`))),
      !isCurrent && current && h("button", {
        type: "button", class: "icon-button", title: `Compare with ${stepName(step)}`, "aria-label": `Compare with ${stepName(step)}`,
        onclick: () => compareWith(step.id),
      }, icon("compare"))),
    isCurrent && details(step));
  element.style.setProperty("--depth", Math.min(depth, 6));
  return element;
}

function render() {
  const place = byId("history");
  const { document } = session;
  if (!document?.steps.length) {
    place.replaceChildren(h("p", { class: "hint" }, "Each result becomes a step here. Any step can be gone back to, compared and downloaded."));
    return;
  }
  const current = currentStep();
  const path = ancestors(current);
  const list = h("ol", { class: "steps", "aria-label": "Steps" }, ...ordered(document).map((entry) => item(entry, current, path)));
  place.replaceChildren(list);
  list.querySelector(".current")?.scrollIntoView?.({ block: "nearest" });
}

export function startHistory() {
  on("document", render);
  render();
}
