// How runs go: a card for each over the picture, with bar, curve, time left and the two ways to stop.
import { byId, capital, h } from "./dom.js";
import { murmur, say } from "./announce.js";
import { icon } from "./icons.js";
import { stopRun } from "./runs.js";
import { on, session } from "./session.js";

const cards = new Map();
const SVG = "http://www.w3.org/2000/svg";

/** A curve of values by their place, from 0 to 100 across and 0 to 28 down. */
function curve(values, low, high) {
  if (values.length < 2) return "";
  const span = high - low || 1;
  return values
    .map((value, k) => `${k ? "L" : "M"}${((k / (values.length - 1)) * 100).toFixed(2)} ${(26 - ((value - low) / span) * 24).toFixed(2)}`)
    .join("");
}

function makePlot() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 28");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "plot");
  svg.setAttribute("role", "img");
  const lines = ["loss", "probability"].map((name) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", name);
    svg.append(path);
    return path;
  });
  return { svg, lines };
}

/** Points thinned out to what a small plot can show. */
const thinned = (points) => points.filter((_, k) => k === points.length - 1 || k % Math.ceil(points.length / 100) === 0);

export const timeLeft = (seconds) =>
  seconds === null || seconds === undefined ? "" :
  seconds < 60 ? `${Math.max(1, Math.round(seconds))} s left` : `${Math.round(seconds / 60)} min left`;

function makeCard(run) {
  const title = h("strong", {});
  const note = h("span", { class: "note" });
  const bar = h("progress", { max: 1, "aria-label": `Progress of ${run.title || run.task}` });
  const plot = makePlot();
  const figures = h("span", { class: "figures" });
  const keep = h("button", { type: "button", class: "small", title: "Stop and keep what is there", onclick: () => stopRun(run, true) }, icon("keep"), "Keep");
  const discard = h("button", { type: "button", class: "small", title: "Stop and discard", onclick: () => stopRun(run, false) }, icon("stop"), "Stop");
  const element = h("section", { class: "run-card", "aria-label": `Run ${run.title || run.task}` },
    h("div", { class: "run-head" }, title, note, h("span", { class: "run-buttons" }, keep, discard)),
    bar, h("div", { class: "run-plot" }, plot.svg, figures));
  element.isBatch = run.isBatch;
  element.update = () => {
    title.textContent = capital(run.title || run.task);
    note.textContent = [timeLeft(run.secondsLeft), run.note].filter(Boolean).join(" · ");
    bar.value = run.fraction ?? 0;
    keep.hidden = run.state !== "running" || run.isBatch === true;
    const points = thinned(run.points);
    element.classList.toggle("has-plot", points.length > 1);
    if (points.length < 2) return;
    const losses = points.map((point) => point.loss).filter(Number.isFinite);
    plot.lines[0].setAttribute("d", curve(losses, Math.min(...losses), Math.max(...losses)));
    const chances = points.map((point) => point.probability).filter((value) => value !== null && value !== undefined);
    plot.lines[1].setAttribute("d", curve(chances, 0, 1));
    const last = run.points.at(-1);
    const chance = last.probability ?? null;
    const text = `loss ${Number(last.loss).toPrecision(3)}${chance === null ? "" : ` · class ${Math.round(chance * 100)} %`}`;
    figures.textContent = text;
    plot.svg.setAttribute("aria-label", `Curve of the ascent: ${text}`);
  };
  return element;
}

export function startProgress() {
  const place = byId("runs");
  on("run", (run) => {
    const isHere = (run.isBatch || run.document === session.document?.id) && !run.isOver && !run.preview && !run.group;
    let card = cards.get(run.id);
    if (!isHere) {
      card?.remove();
      cards.delete(run.id);
      return;
    }
    if (!card) {
      card = makeCard(run);
      cards.set(run.id, card);
      place.append(card);
    }
    card.update();
  });
  on("run-over", (run) => {
    if (run.preview || run.isBatch) return;
    const name = capital(run.title || run.task);
    if (run.error) murmur(`${name} failed: ${run.error}`);
    else if (run.isStopped && !run.result) say(`${name} was stopped`);
    else murmur(`${name} is done`);
    for (const warning of run.warnings) say(warning);
  });
  on("opened", () => {
    for (const [id, card] of cards) {
      if (card.isBatch) continue;
      card.remove();
      cards.delete(id);
    }
  });
}
