// The choice of the task: a list that is searched.
import { byId, capital, h } from "./dom.js";
import { on, session, setTask } from "./session.js";

const dialog = byId("tasks");
const list = byId("tasks-list");
const search = byId("tasks-search");

function fill() {
  const wanted = search.value.trim().toLowerCase();
  const found = session.tasks.filter(({ name, summary }) => `${name} ${summary}`.toLowerCase().includes(wanted));
  list.replaceChildren(
    ...found.map((task) =>
      h("button", {
        type: "button", class: "task", "aria-pressed": String(task === session.task),
        onclick: () => { setTask(task.name); dialog.close(); },
      }, h("strong", {}, capital(task.name), !task.isBundled && h("span", { class: "badge" }, "yours")), h("small", {}, task.summary))));
}

export function startTaskPicker() {
  byId("task-button").addEventListener("click", () => {
    search.value = "";
    fill();
    dialog.showModal();
    search.focus();
  });
  search.addEventListener("input", fill);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.firstElementChild?.click();
  });
  on("task", (task) => (byId("task-name").textContent = capital(task.name)));
}
