// The settings on every picture of the folder.
import { api } from "./api.js";
import { complain } from "./announce.js";
import { byId, capital, h } from "./dom.js";
import { timeLeft } from "./progress.js";
import { adopt, stopRun } from "./runs.js";
import { emit, on, session } from "./session.js";
import { maskParameters, parameters } from "./settings.js";

const dialog = byId("batch");
const errors = byId("batch-errors");
let current = [];
let output = "";

const isActive = () => current.some((run) => !run.isOver);

function describe(task) {
  byId("batch-title").textContent = `${capital(task)}: all pictures of the folder`;
  byId("batch-what").textContent = isActive()
    ? `Runs ${task} on the pictures of ${session.folder.name}.`
    : [
        `Runs ${task} with the settings of the form on all ${session.folder.images.length} pictures of ${session.folder.name}.`,
        maskParameters().length ? "What is marked on the open picture is not used." : "",
      ].join(" ");
}

/** The dialog: of the batch that goes on, else of the one that can be started. */
function open() {
  if (!isActive()) {
    current = [];
    byId("batch-error").textContent = byId("batch-result").textContent = "";
    errors.replaceChildren();
  }
  describe(isActive() ? current[0].task : session.task.name);
  refresh();
  dialog.showModal();
}

/** Takes up the batches that go on: one may have been started before the page was loaded. */
async function takeUp() {
  try {
    const going = await api.batches();
    for (const run of current) {
      if (run.isOver || going.some(({ id }) => id === run.id)) continue;
      run.isOver = true;
      emit("run-over", run);
      emit("run", run);
    }
    if (!going.length || isActive()) return;
    current = adopt(going, { isBatch: true });
    output = going[0].note ?? "";
    refresh();
  } catch (error) {
    complain(error);
  }
}

async function start() {
  byId("batch-error").textContent = "";
  errors.replaceChildren();
  byId("batch-result").textContent = "";
  byId("batch-start").disabled = true;
  try {
    current = adopt(await api.batch({ task: session.task.name, parameters: parameters(), step: null, masks: {} }), { isBatch: true });
    output = current[0].note ?? "";
    describe(current[0].task);
    refresh();
  } catch (error) {
    byId("batch-error").textContent = error.message;
    byId("batch-start").disabled = false;
  }
}

function refresh() {
  const [run] = current;
  byId("batch-start").disabled = isActive();
  byId("batch-stop").hidden = !isActive();
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
  on("folder", () => session.studio.folder && takeUp());
  on("connection", (state) => state === "back" && session.studio.folder && takeUp());
  on("run", (run) => run.isBatch && refresh());
  on("run-over", (run) => run.isBatch && refresh());
}
