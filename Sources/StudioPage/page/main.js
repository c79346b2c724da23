// Puts the page together, and asks the server what there is.
import { api } from "./api.js";
import { complain, say } from "./announce.js";
import { startBatch } from "./batch.js";
import { startCompare } from "./compare.js";
import { byId } from "./dom.js";
import { listen } from "./events.js";
import { startFeatures } from "./field-feature.js";
import { startForm } from "./form.js";
import { startHistory } from "./history.js";
import { placeIcons } from "./icons.js";
import { startKeys } from "./keys.js";
import { startMaskKeeper } from "./mask.js";
import { startMenus } from "./menus.js";
import { openDocument, showHome, startOpener } from "./opener.js";
import { startPanel } from "./panel.js";
import { startPointers } from "./pointer.js";
import { startProgress } from "./progress.js";
import { startRunBar } from "./run-bar.js";
import { startRunner } from "./runner.js";
import { startRuns } from "./runs.js";
import { emit, on, session, setDocument, setTask } from "./session.js";
import { startStage } from "./stage.js";
import { goTo } from "./steps.js";
import { startTaskPicker } from "./task-picker.js";
import { startToolbar } from "./toolbar.js";
import { startVariants } from "./variants.js";

const LOST = {
  lost: "rtool studio does not answer. Nothing is lost: the page goes on as soon as it does.",
  strange: "rtool was started again: open the address that it printed.",
};

function watchConnection() {
  on("connection", (state) => {
    byId("lost").hidden = state === "back";
    byId("lost").textContent = LOST[state] ?? "";
    if (state === "back") say("rtool studio answers again");
  });
}

/** The document that the address names, that was open last, or the newest. */
async function openFirst() {
  const documents = await api.documents();
  const wanted = [location.hash.slice(1), localStorage.getItem("document")];
  const found = wanted.map((id) => documents.find((document) => document.id === id)).find(Boolean);
  const first = found ?? (session.folder.images.length ? null : documents[0]);
  if (!first) {
    setDocument(null);
    return showHome();
  }
  await openDocument(first.id);
}

async function start() {
  placeIcons();
  for (const part of [
    startMaskKeeper, startRuns, startStage, startRunner, startPointers, startToolbar, () => startCompare(goTo), startMenus, startTaskPicker, startForm,
    startFeatures, startRunBar, startProgress, startVariants, startBatch, startHistory, startOpener, startPanel, startKeys,
    watchConnection,
  ]) part();
  on("opened", (document) => document && localStorage.setItem("document", document.id));
  listen();
  try {
    const [studio, tasks, models] = await Promise.all([api.studio(), api.tasks(), api.models()]);
    Object.assign(session, { studio, tasks, models });
    if (studio.folder) session.folder = await api.folder();
    emit("folder");
    const names = tasks.map((task) => task.name);
    const last = localStorage.getItem("task");
    setTask(names.includes(last) ? last : (tasks.find((task) => task.parameters.some(({ kind }) => kind === "mask")) ?? tasks[0]).name);
    await openFirst();
    document.body.dataset.ready = "";
  } catch (error) {
    complain(error);
  }
}

start();
