// A model: one of those that the server found, or a file.
import { complain } from "./announce.js";
import { chooseFile, h } from "./dom.js";
import { sendFile } from "./field-file.js";
import { emit, session } from "./session.js";
import { initialOf, setValues, valuesOf } from "./settings.js";

export function modelField(parameter, { id, helpId }) {
  const list = h("select", {
    id, "aria-describedby": helpId,
    onchange: async () => {
      if (list.value === " file") {
        const file = await chooseFile();
        try {
          if (file) setValues(parameter.name, [await sendFile(file)]);
        } catch (error) {
          complain(error);
        }
        return refresh();
      }
      setValues(parameter.name, list.value ? [list.value] : null);
      emit("models");
    },
  });
  const refresh = () => {
    const [own] = valuesOf(parameter.name) ?? [];
    const usual = initialOf(parameter) ?? session.models.find((model) => model.isDefault)?.name ?? "usual";
    const names = session.models.map((model) => model.name).filter((name) => name !== usual);
    if (own && !names.includes(own)) names.push(own);
    list.replaceChildren(h("option", { value: "" }, usual), ...names.map((name) => h("option", { value: name }, name)), h("option", { value: " file" }, "a file …"));
    list.value = own ?? "";
  };
  return { refresh, element: list };
}
