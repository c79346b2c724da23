// The server's events: one stream for all runs. Where it breaks off, the page says so and asks again until it is back.
import { emit } from "./session.js";

let source = null;
let wait = 500;
let isLost = false;

/** Tells whether nobody answers, or a server that was started since and does not know this page. */
async function tellWhy() {
  const status = await fetch("/api/studio").then((response) => response.status, () => 0);
  if (isLost) emit("connection", [401, 403].includes(status) ? "strange" : "lost");
}

export function listen() {
  source?.close();
  source = new EventSource("/api/events");
  source.onopen = () => {
    wait = 500;
    if (isLost) emit("connection", "back");
    isLost = false;
  };
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    emit(event.run === undefined ? event.kind : "run-event", event);
  };
  source.onerror = () => {
    source.close();
    isLost = true;
    tellWhy();
    setTimeout(listen, wait);
    wait = Math.min(wait * 2, 8000);
  };
}

addEventListener("pagehide", () => source?.close());
