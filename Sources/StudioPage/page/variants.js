// Seeds side by side: the task with six seeds, each shown as it comes; one is chosen.
import { viewAddress } from "./api.js";
import { byId, capital, h } from "./dom.js";
import { goTo } from "./steps.js";
import { run } from "./runner.js";
import { stopRun } from "./runs.js";
import { on, session } from "./session.js";
import { valuesOf } from "./settings.js";

const COUNT = 6;
const dialog = byId("variants");
const grid = byId("variants-grid");
let shown = [];

export function runVariants() {
  const first = Number(valuesOf("seed")?.[0] ?? 0);
  return run({ seeds: Array.from({ length: COUNT }, (_, k) => first + k) });
}

function makeCell(run) {
  const picture = h("img", { alt: "" });
  const label = h("span", {}, `Seed ${run.seed}`);
  const bar = h("progress", { max: 1, "aria-label": `Progress of seed ${run.seed}` });
  const cell = h("button", { type: "button", class: "variant", disabled: true, onclick: () => choose(run) }, picture, bar, label);
  cell.update = () => {
    bar.value = run.fraction ?? 0;
    if (run.frame && !run.result) picture.src = run.frame;
    if (!run.isOver) return;
    bar.hidden = true;
    cell.disabled = !run.result;
    if (run.result) picture.src = viewAddress(run.document, run.result.id, { max: 512 });
    else label.textContent = `Seed ${run.seed}: ${run.error ?? "stopped"}`;
  };
  return cell;
}

async function choose(run) {
  dialog.close();
  await goTo(run.result.id);
}

export function startVariants() {
  byId("variants-stop").addEventListener("click", () => shown.filter((run) => !run.isOver).forEach((run) => stopRun(run, false)));
  on("variants", (started) => {
    shown = started;
    for (const run of started) {
      run.cell = makeCell(run);
      run.cell.update();
    }
    grid.replaceChildren(...started.map((run) => run.cell));
    byId("variants-title").textContent = `${capital(session.task.name)}: ${started.length} seeds`;
    dialog.showModal();
  });
  on("run", (run) => run.cell?.update());
  on("run-over", (run) => run.cell?.update());
}
