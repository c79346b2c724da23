// Seeds side by side: the task with six seeds, each shown as it comes; one is chosen.
import { viewAddress } from "./api.js";
import { byId, capital, h } from "./dom.js";
import { goTo } from "./steps.js";
import { goBefore, run } from "./runner.js";
import { stopRun } from "./runs.js";
import { on, session } from "./session.js";
import { valuesOf } from "./settings.js";

const COUNT = 6;
const dialog = byId("variants");
const grid = byId("variants-grid");
const large = byId("variants-large");
let shown = [];
let enlarged = null;

export function runVariants() {
  goBefore();
  const first = Number(valuesOf("seed")?.[0] ?? 0);
  return run({ seeds: Array.from({ length: COUNT }, (_, k) => first + k) });
}

/** The part of a result that is looked at: what was marked and as much around it, or all. */
function partOf({ clip, result }) {
  if (!clip || result.width !== clip.pictureWidth || result.height !== clip.pictureHeight) return null;
  const [x, y] = [Math.max(0, Math.floor(clip.x - clip.w)), Math.max(0, Math.floor(clip.y - clip.h))];
  return {
    x, y, w: Math.min(result.width, Math.ceil(clip.x + 2 * clip.w)) - x, h: Math.min(result.height, Math.ceil(clip.y + 2 * clip.h)) - y,
  };
}

const view = (run, max) => viewAddress(run.document, run.result.id, { rect: partOf(run), max });

function makeCell(run) {
  const picture = h("img", { alt: "" });
  const label = h("span", {}, `Seed ${run.seed}`);
  const bar = h("progress", { max: 1, "aria-label": `Progress of seed ${run.seed}` });
  const cell = h("button", {
    type: "button", class: "variant", disabled: true, title: "Show it large", onclick: () => showLarge(run),
  }, picture, bar, label);
  cell.update = () => {
    bar.value = run.fraction ?? 0;
    if (run.frame && !run.isOver) picture.src = run.frame;
    if (!run.isOver) return;
    bar.hidden = true;
    cell.disabled = !run.result;
    if (!run.result) label.textContent = `Seed ${run.seed}: ${run.error ?? "stopped"}`;
    else if (!cell.isShown) {
      cell.isShown = true;
      picture.src = view(run, 512);
    }
  };
  return cell;
}

/** Shows one result in the place of all; null: all. */
function showLarge(run) {
  const last = enlarged;
  enlarged = run;
  grid.hidden = Boolean(run);
  large.hidden = !run;
  if (run) {
    byId("variants-picture").src = view(run, 1600);
    byId("variants-picture").alt = `Result of seed ${run.seed}`;
    byId("variants-seed").textContent = `Seed ${run.seed}`;
    byId("variants-choose").focus();
  } else last?.cell.focus();
}

async function choose(run) {
  dialog.close();
  await goTo(run.result.id);
}

const refreshStop = () => (byId("variants-stop").hidden = shown.every((run) => run.isOver));

export function startVariants() {
  byId("variants-stop").addEventListener("click", () => shown.filter((run) => !run.isOver).forEach((run) => stopRun(run, false)));
  byId("variants-choose").addEventListener("click", () => choose(enlarged));
  byId("variants-back").addEventListener("click", () => showLarge(null));
  dialog.addEventListener("cancel", (event) => {
    if (!enlarged) return;
    event.preventDefault();
    showLarge(null);
  });
  on("variants", (started) => {
    enlarged = null;
    showLarge(null);
    shown = started;
    for (const run of started) {
      run.cell = makeCell(run);
      run.cell.update();
    }
    grid.replaceChildren(...started.map((run) => run.cell));
    byId("variants-title").textContent = `${capital(session.task.name)}: ${started.length} seeds`;
    refreshStop();
    dialog.showModal();
  });
  on("run", (run) => run.cell?.update());
  on("run-over", (run) => {
    run.cell?.update();
    refreshStop();
  });
}
