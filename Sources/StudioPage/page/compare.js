// Before and after: a divider over the picture, left of which another step is shown.
import { byId, h } from "./dom.js";
import { currentStep, emit, on, session, stepName, stepOf } from "./session.js";
import { viewport } from "./viewport.js";

/** `before`: the id of the step on the left. `at`: the divider's place, from 0 to 1. */
export const compare = { isOn: false, before: null, at: 0.5 };

const divider = byId("divider");
const bar = byId("compare-bar");

function place() {
  divider.hidden = bar.hidden = !compare.isOn;
  if (!compare.isOn) return;
  divider.style.left = `${viewport.x + viewport.imageWidth * viewport.scale * compare.at}px`;
  divider.setAttribute("aria-valuenow", Math.round(compare.at * 100));
  divider.setAttribute("aria-valuetext", `${Math.round(compare.at * 100)} % before`);
}

function update() {
  byId("compare").setAttribute("aria-pressed", compare.isOn);
  place();
  emit("compare");
}

function fillBar() {
  const chooser = byId("compare-before");
  chooser.replaceChildren(
    ...session.document.steps.map((step) => h("option", { value: String(step.id), selected: step.id === compare.before }, stepName(step))));
  const after = byId("compare-after");
  after.replaceChildren(
    ...session.document.steps.map((step) =>
      h("option", { value: String(step.id), selected: step.id === session.document.current }, stepName(step))));
}

/** Compares the current step with another; without one, with that from which it was made. */
export function compareWith(id) {
  const step = currentStep();
  if (!step) return;
  const other = id ?? step.parent ?? session.document.steps.find(({ id }) => id !== step.id)?.id;
  if (other === undefined || other === null) return;
  Object.assign(compare, { isOn: true, before: other });
  fillBar();
  update();
}

export function endCompare() {
  if (!compare.isOn) return;
  compare.isOn = false;
  update();
}

export const toggleCompare = () => (compare.isOn ? endCompare() : compareWith());

function moveTo(at) {
  compare.at = Math.min(Math.max(at, 0), 1);
  update();
}

export function startCompare(goTo) {
  byId("compare").addEventListener("click", toggleCompare);
  byId("compare-end").addEventListener("click", endCompare);
  byId("compare-before").addEventListener("change", (event) => compareWith(stepOf(event.target.value).id));
  byId("compare-after").addEventListener("change", (event) => goTo(stepOf(event.target.value).id));
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    divider.focus();
    event.preventDefault();
  });
  divider.addEventListener("pointermove", (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const left = divider.parentElement.getBoundingClientRect().left;
    moveTo((event.clientX - left - viewport.x) / (viewport.imageWidth * viewport.scale));
  });
  divider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02, PageDown: -0.1, PageUp: 0.1 }[event.key];
    if (step) moveTo(compare.at + step);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(1);
    else return;
    event.preventDefault();
  });
  on("viewport", place);
  on("opened", endCompare);
  on("document", () => {
    byId("compare").disabled = (session.document?.steps.length ?? 0) < 2;
    if (!compare.isOn) return;
    if (!currentStep() || !stepOf(compare.before)) return endCompare();
    fillBar();
  });
}
