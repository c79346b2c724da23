// Going through the history: undo and redo, and any other step.
import { api } from "./api.js";
import { complain, murmur } from "./announce.js";
import { hasPendingStrokes, hasUndoneStrokes, redoStroke, undoStroke } from "./mask.js";
import { childrenOf, currentStep, on, session, setDocument, stepName, stepOf } from "./session.js";

/** The child that was last come from, for redo. */
const lastChild = new Map();

export async function goTo(id) {
  if (!session.document || id === session.document.current) return;
  try {
    setDocument(await api.setCurrent(session.document.id, id));
    murmur(`Now at ${stepName(currentStep())}`);
  } catch (error) {
    complain(error);
  }
}

/** Where the user was before what was made of nothing. */
const cameFrom = new Map();
const previous = (step) => step?.parent ?? cameFrom.get(step?.id) ?? null;
const canUndoStep = () => previous(currentStep()) !== null;
const redoTarget = () => {
  if (!session.document) return null;
  const { current } = session.document;
  return stepOf(lastChild.get(current)) ?? childrenOf(current).at(-1) ?? null;
};

export const canUndo = () => hasPendingStrokes() || canUndoStep();
export const canRedo = () => hasUndoneStrokes() || Boolean(redoTarget());

export function undo() {
  if (hasPendingStrokes()) return undoStroke();
  if (!canUndoStep()) return;
  const step = currentStep();
  lastChild.set(previous(step), step.id);
  return goTo(previous(step));
}

export function redo() {
  if (hasUndoneStrokes()) return redoStroke();
  const target = redoTarget();
  if (target) return goTo(target.id);
}

let last = null;
on("opened", () => {
  lastChild.clear();
  cameFrom.clear();
  last = null;
});
on("step", (step) => {
  if (step && step.parent === null && last && last.id !== step.id && last.id < step.id) cameFrom.set(step.id, last.id);
  last = step;
});
