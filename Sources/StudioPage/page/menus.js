// Menus that open below or above their button: elements with the popover attribute, which the browser closes.
import { fileAddress } from "./api.js";
import { byId, h } from "./dom.js";
import { currentStep, on, session } from "./session.js";

function place(menu, button) {
  const box = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = box.bottom + 6;
  menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
  menu.style.top = `${below + height < innerHeight - 8 ? below : Math.max(8, box.top - height - 6)}px`;
}

export function startMenus() {
  for (const button of document.querySelectorAll("[popovertarget]")) {
    const menu = byId(button.getAttribute("popovertarget"));
    menu.addEventListener("toggle", (event) => {
      const isOpen = event.newState === "open";
      button.setAttribute("aria-expanded", String(isOpen));
      if (isOpen) place(menu, button);
    });
    menu.addEventListener("click", (event) => {
      if (event.target.closest("[data-closes]")) menu.hidePopover();
    });
  }
  on("document", () => {
    const step = currentStep();
    byId("download").disabled = !step;
    if (!step) return;
    const others = session.studio.formats.filter((format) => format !== step.format);
    const link = (text, format) =>
      h("a", { href: fileAddress(session.document.id, step.id, format), download: "", class: "menu-item", "data-closes": "" }, text);
    byId("download-menu").replaceChildren(
      link(`As it is (${step.format})`), ...others.map((format) => link(format, format)));
  });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
  }
}
