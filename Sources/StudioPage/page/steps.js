// Going through the history: undo and redo, and any other step.
import { api } from "./api.js";
import { complain, murmur } from "./announce.js";
import { hasPendingStrokes, hasUndoneStrokes, redoStroke, undoStroke } from "./mask.js";
import { childrenOf, currentStep, on, session, setDocument, stepName } from "./session.js";

/** The child that was last come from, for redo. */
const lastChild = new Map();

export async function goTo(id) {
  if (!session.document || id === session.document.current) return;
  try {
    setDocument(await api.setCurrent(session.document.id, id));
    murmur(currentStep() ? `Now at ${stepName(currentStep())}` : "Now at the empty start");
  } catch (error) {
    complain(error);
  }
}

const isMadeFromNothing = (step) => step?.parent === null && step.task !== null;
export const canUndoStep = () => {
  const step = currentStep();
  return Boolean(step) && (step.parent !== null || isMadeFromNothing(step));
};
const redoTarget = () => {
  if (!session.document) return null;
  const children = childrenOf(session.document.current ?? null);
  const last = children.find((step) => step.id === lastChild.get(session.document.current));
  return last ?? children.at(-1) ?? null;
};

export const canUndo = () => hasPendingStrokes() || canUndoStep();
export const canRedo = () => hasUndoneStrokes() || Boolean(redoTarget());

export function undo() {
  if (hasPendingStrokes()) return undoStroke();
  if (!canUndoStep()) return;
  const step = currentStep();
  lastChild.set(step.parent, step.id);
  return goTo(step.parent);
}

export function redo() {
  if (hasUndoneStrokes()) return redoStroke();
  const target = redoTarget();
  if (target) return goTo(target.id);
}

on("opened", () => lastChild.clear());
