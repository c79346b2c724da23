// What the page knows: what the server told, and what the user chose. Parts of the page listen to names of changes.
import { capital } from "./dom.js";

const bus = new EventTarget();
export const on = (name, listener) => bus.addEventListener(name, (event) => listener(event.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

export const session = {
  studio: { version: "", folder: null, formats: [] },
  tasks: [],
  models: [],
  features: null,
  folder: { name: null, images: [] },
  document: null,
  task: null,
};

export const stepOf = (id) => session.document?.steps.find((step) => String(step.id) === String(id)) ?? null;
export const currentStep = () => (session.document ? stepOf(session.document.current) : null);
export const childrenOf = (id) => session.document?.steps.filter((step) => step.parent === id) ?? [];

/** What a document's step is called in lists. */
export const stepName = (step) => `${step.id}. ${step.task ? capital(step.title) : step.title}`;

/** What the server leaves out is null. */
function completed(document) {
  document.current ??= null;
  document.runs ??= [];
  const steps = document.steps.map((step) => ({
    parent: null, task: null, command: null, seed: null, seconds: null, text: null, warnings: [], ...step,
  }));
  return { ...document, steps };
}


/** Takes a document as the server describes it for the open one. */
export function setDocument(described) {
  const document = described && completed(described);
  const other = session.document?.id !== document?.id;
  const before = session.document?.current;
  session.document = document;
  const hash = document ? `#${document.id}` : "";
  if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname);
  if (other) emit("opened", document);
  emit("document", document);
  if (other || before !== document?.current) emit("step", currentStep());
}

export function setTask(name) {
  const task = session.tasks.find((task) => task.name === name);
  if (!task || task === session.task) return;
  session.task = task;
  localStorage.setItem("task", name);
  emit("task", task);
}
