// The foot of the form: Run and what goes with it, where it begins, its errors, and what a task printed.
import { byId, capital } from "./dom.js";
import { currentStep, on, session } from "./session.js";
import { obstacle, run, runner, setFrom } from "./runner.js";
import { maskParameters } from "./settings.js";
import { runVariants } from "./variants.js";

function refresh() {
  const { task } = session;
  if (!task) return;
  const step = currentStep();
  const mayGoBefore = Boolean(step && step.parent !== null && step.task === task.name);
  byId("from-row").hidden = !mayGoBefore;
  byId("from").value = runner.from;
  byId("live-paint-label").hidden = !maskParameters().length;
  byId("live-label").hidden = byId("variants-run").hidden = !task.makesImage;
  byId("variants-run").hidden ||= !task.parameters.some((parameter) => parameter.name === "seed" && parameter.isHost);
  byId("batch-open").hidden = !session.folder.images.length || !task.takesImage;
  const why = obstacle();
  byId("run-hint").textContent = why ?? "";
  byId("run-hint").hidden = !why || byId("run-error").textContent !== "";
}

function showError(text) {
  byId("run-error").textContent = text ?? "";
  refresh();
}

export function startRunBar() {
  // The second click of a double click is not meant.
  const once = (work) => (event) => event.detail < 2 && work();
  byId("run").addEventListener("click", once(() => run()));
  byId("variants-run").addEventListener("click", once(runVariants));
  byId("from").addEventListener("change", (event) => setFrom(event.target.value, { isChosen: true }));
  byId("live").addEventListener("change", (event) => (runner.isLive = event.target.checked));
  byId("live-paint").addEventListener("change", (event) => (runner.paintsLive = event.target.checked));
  byId("output-close").addEventListener("click", () => (byId("output").hidden = true));
  for (const name of ["task", "step", "runner", "folder", "setting"]) on(name, refresh);
  on("run-error", showError);
  on("run-over", (over) => {
    if (over.preview || !over.text || over.document !== session.document?.id) return;
    byId("output-title").textContent = `${capital(over.title || over.task)} says`;
    byId("output-text").textContent = over.text.trimEnd();
    byId("output").hidden = false;
  });
  on("opened", () => (byId("output").hidden = true));
  on("task", () => (byId("output").hidden = true));
}

