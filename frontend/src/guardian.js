import htmx from "htmx.org";
import { startAutosave } from "./autosave.js";
import { start } from "./common.js";
import { startUploads } from "./upload.js";

// Both would need what the content security policy forbids.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;

start();

// Only the fields that a chosen ground needs are shown; without script all of them are.
for (const group of document.querySelectorAll("[data-shows]")) {
  const inputs = document.querySelectorAll(`input[name="${group.dataset.shows}"]`);
  const update = () => {
    const value = [...inputs].find((i) => i.checked)?.value || "";
    group.hidden = !group.dataset.for.split(" ").includes(value);
  };
  inputs.forEach((i) => i.addEventListener("change", update));
  update();
}

startAutosave();
startUploads();
