// Runs as the server's events tell of them.
import { api } from "./api.js";
import { complain } from "./announce.js";
import { hideOverlay, showOverlay } from "./overlays.js";
import { emit, on, session, setDocument, stepOf } from "./session.js";

const runs = new Map();

/** A run by its id. Its first event may come before the answer to the request that made it. */
function runOf(id) {
  if (!runs.has(id)) {
    runs.set(id, {
      id, document: null, task: "", title: "", step: null, seed: null, preview: false, state: "queued", fraction: 0,
      note: "", secondsLeft: null, points: [], warnings: [], frame: null, error: null, result: null, text: null,
      clip: null, group: null, isOver: false,
    });
  }
  return runs.get(id);
}

/** Takes runs that the server has made or tells of; `extra` is what the page knows besides. */
export function adopt(described, extra = {}) {
  return described.map((info) => {
    const run = runOf(info.id);
    const { state, fraction, note, ...fixed } = info;
    Object.assign(run, fixed, extra);
    if (!run.isOver && run.state === "queued") Object.assign(run, { state, fraction, note });
    emit("run", run);
    return run;
  });
}

const activeRuns = () => [...runs.values()].filter((run) => !run.isOver && !run.preview);
/** Whether a run of the open document makes a step. */
export const isBusy = () => activeRuns().some((run) => run.document === session.document?.id);

export async function stopRun(run, keep) {
  run.note = keep ? "Stopping; what is there is kept" : "Stopping";
  emit("run", run);
  try {
    await (run.isBatch ? api.stopBatch(run.id) : api.stop(run.id, keep));
  } catch (error) {
    complain(error);
  }
}

const overlayKey = (run) => (run.preview ? "preview" : run.id);

function show(run, image, place) {
  if (run.document !== session.document?.id || run.group) return;
  const step = stepOf(run.step ?? null);
  showOverlay(overlayKey(run), image, {
    place, size: step && { width: step.width, height: step.height }, clip: step && run.clip,
  });
}

/** Takes the document anew: the server says what its steps are and which is the current one. */
async function reload(id = session.document?.id) {
  if (!id) return;
  const document = await api.document(id);
  if (session.document && session.document.id !== id) return;
  setDocument(document);
  adopt(document.runs);
}

async function finish(run, event) {
  run.isOver = true;
  run.result = event.step ?? null;
  run.text = event.text ?? event.step?.text ?? null;
  if (run.preview) {
    if (event.image) show(run, event.image, event.place ?? null);
    emit("run-over", run);
    return;
  }
  if (run.document === session.document?.id) await reload().catch(complain);
  emit("run-over", run);
  // The new step's picture is shown before the last iterate goes.
  setTimeout(() => hideOverlay(overlayKey(run)), 60);
}

const takes = {
  queued: (run, event) => Object.assign(run, { state: "queued", note: event.place > 1 ? `Waits, ${event.place} before it` : "Waits" }),
  started: (run) => Object.assign(run, { state: "running", note: "" }),
  progress: (run, { fraction, note, secondsLeft = null }) => Object.assign(run, { state: "running", fraction, note, secondsLeft }),
  point: (run, { step, loss, probability }) => run.points.push({ step, loss, probability }),
  frame(run, { image, place = null }) {
    run.frame = image;
    show(run, image, place);
  },
  warning: (run, { text }) => run.warnings.push(text),
  done: finish,
  failed(run, { error }) {
    Object.assign(run, { isOver: true, error });
    if (!run.preview) hideOverlay(overlayKey(run));
    emit("run-over", run);
  },
  stopped(run) {
    Object.assign(run, { isOver: true, isStopped: true });
    if (!run.preview) hideOverlay(overlayKey(run));
    emit("run-over", run);
  },
};

export function startRuns() {
  on("run-event", (event) => {
    const run = runOf(event.run);
    if (run.isOver) return;
    run.document ??= event.document;
    takes[event.kind]?.(run, event);
    emit("run", run);
  });
  on("opened", (document) => {
    for (const run of runs.values()) hideOverlay(overlayKey(run));
    if (document) adopt(document.runs);
  });
  on("connection", async (state) => {
    if (state !== "back") return;
    // What ended meanwhile has told nobody.
    try {
      await reload();
      const alive = new Set(session.document?.runs.map((run) => run.id));
      for (const run of activeRuns()) {
        if (run.document !== session.document?.id || alive.has(run.id)) continue;
        Object.assign(run, { isOver: true, isStopped: true });
        hideOverlay(overlayKey(run));
        emit("run-over", run);
      }
    } catch (error) {
      complain(error);
    }
  });
}
