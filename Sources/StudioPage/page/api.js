// Requests to the server. Each returns what the server sent or throws an Error with the server's own sentence.

async function request(path, { method = "GET", body, signal } = {}) {
  let response;
  try {
    response = await fetch(path, { method, body, signal, headers: method === "GET" ? {} : { "X-Rtool": "1" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("rtool studio does not answer; it may have been ended");
  }
  if (response.ok) return response;
  let text = `the server answers ${response.status}`;
  try {
    text = (await response.json()).error ?? text;
  } catch {}
  throw new Error(text);
}

const json = async (path, options) => (await request(path, options)).json();
const send = (method, path, value) =>
  json(path, { method, body: value === undefined ? undefined : JSON.stringify(value) });
const query = (fields) =>
  Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");

export const api = {
  studio: () => json("/api/studio"),
  tasks: () => json("/api/tasks"),
  models: () => json("/api/models"),
  features: () => json("/api/features"),
  featurePicture: async (name, signal) => (await request(featurePicture(name), { signal })).blob(),
  folder: () => json("/api/folder"),
  documents: () => json("/api/documents"),
  document: (id) => json(`/api/documents/${id}`),
  createDocument: (name, file) => json(`/api/documents?${query({ name })}`, { method: "POST", body: file }),
  createEmptyDocument: () => json(`/api/documents?${query({ name: "untitled", empty: 1 })}`, { method: "POST" }),
  openFromFolder: (name) => json(`/api/documents?${query({ open: name })}`, { method: "POST" }),
  deleteDocument: (id) => request(`/api/documents/${id}`, { method: "DELETE" }),
  setCurrent: (id, step) => send("PUT", `/api/documents/${id}`, { current: step }),
  uploadMask: async (id, { blob, x, y, w, h }) =>
    (await json(`/api/documents/${id}/masks?${query({ x, y, w, h })}`, { method: "POST", body: blob })).mask,
  uploadFile: async (id, file) =>
    (await json(`/api/documents/${id}/files?${query({ name: file.name })}`, { method: "POST", body: file })).file,
  run: async (id, settings) => (await send("POST", `/api/documents/${id}/runs`, settings)).runs,
  stop: (id, keep) => request(`/api/runs/${id}/stop${keep ? "?keep=1" : ""}`, { method: "POST" }),
  stopBatch: (id) => request(`/api/batches/${id}/stop`, { method: "POST" }),
  batches: () => json("/api/batches"),
  batch: async (settings) => (await send("POST", "/api/batches", settings)).runs,
};

/** A rectangle of a step's image, or the whole, reduced to `max` pixels: as a bitmap. */
export async function viewBitmap(documentId, stepId, { rect, max }, signal) {
  const response = await request(viewAddress(documentId, stepId, { rect, max }), { signal });
  return createImageBitmap(await response.blob());
}

export const viewAddress = (documentId, stepId, { rect, max }) =>
  `/api/documents/${documentId}/steps/${stepId}/view?${query({ ...rect, max })}`;
export const fileAddress = (documentId, stepId, format) =>
  `/api/documents/${documentId}/steps/${stepId}/file${format ? `?${query({ format })}` : ""}`;
export const featurePicture = (name) => `/api/features/${encodeURIComponent(name)}/picture`;
export const folderThumb = (name) => `/api/folder/${encodeURIComponent(name)}/thumb`;
