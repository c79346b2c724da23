// The settings on every picture of the folder.
import { api } from "./api.js";
import { byId, capital, h } from "./dom.js";
import { timeLeft } from "./progress.js";
import { adopt, stopRun } from "./runs.js";
import { on, session } from "./session.js";
import { parameters } from "./settings.js";

const dialog = byId("batch");
const errors = byId("batch-errors");
let current = [];
let output = "";

function open() {
  byId("batch-title").textContent = `${capital(session.task.name)}: all pictures of the folder`;
  byId("batch-what").textContent =
    `Runs ${session.task.name} with the settings of the form on all ${session.folder.images.length} pictures of ${session.folder.name}.`;
  dialog.showModal();
}

async function start() {
  byId("batch-error").textContent = "";
  errors.replaceChildren();
  byId("batch-result").textContent = "";
  byId("batch-start").disabled = true;
  try {
    current = adopt(await api.batch({ task: session.task.name, parameters: parameters(), step: null, masks: {} }), { isBatch: true });
    output = current[0].note;
    refresh();
  } catch (error) {
    byId("batch-error").textContent = error.message;
    byId("batch-start").disabled = false;
  }
}

function refresh() {
  const [run] = current;
  const isActive = current.some((run) => !run.isOver);
  byId("batch-start").disabled = isActive;
  byId("batch-stop").hidden = !isActive;
  byId("batch-progress").hidden = !current.length;
  if (!run) return;
  byId("batch-bar").value = run.isOver && !run.isStopped && !run.error ? 1 : run.fraction;
  byId("batch-note").textContent = [run.note, run.isOver ? "" : timeLeft(run.secondsLeft)].filter(Boolean).join(" · ");
  errors.replaceChildren(...run.warnings.map((text) => h("li", {}, text)));
  if (!run.isOver) return;
  byId("batch-error").textContent = run.error ?? "";
  byId("batch-result").textContent = run.isStopped ? "Stopped. What is done is kept." : run.error ? "" : `Done. The results are in the folder ${output}.`;
}

export function startBatch() {
  byId("batch-open").addEventListener("click", open);
  byId("batch-start").addEventListener("click", start);
  byId("batch-stop").addEventListener("click", () => current.forEach((run) => stopRun(run, false)));
  on("run", (run) => run.isBatch && refresh());
  on("run-over", (run) => run.isBatch && refresh());
}
