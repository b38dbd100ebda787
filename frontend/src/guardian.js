import htmx from "htmx.org";
import { csrf, start } from "./common.js";
import { judge, problem } from "./picture.js";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
start();

// Drafts save themselves; what could not be sent stays on the phone until it can.
for (const form of document.querySelectorAll("form[data-autosave]")) {
  const key = "draft:" + form.dataset.autosave;
  const status = document.querySelector("[data-saved]");
  const fields = () => [...form.elements].filter((e) => e.name && e.name !== "csrfmiddlewaretoken" && e.type !== "file" && (e.type !== "radio" || e.checked));
  const kept = sessionStorage.getItem(key);
  if (kept) {
    for (const [name, value] of Object.entries(JSON.parse(kept))) {
      const field = form.elements[name];
      if (field && field.value !== undefined) field.value = value;
    }
  }
  const save = async () => {
    const values = Object.fromEntries(fields().map((e) => [e.name, e.value]));
    sessionStorage.setItem(key, JSON.stringify(values));
    try {
      const answer = await fetch(form.dataset.autosave, { method: "POST", headers: { "X-CSRFToken": csrf() }, body: new URLSearchParams(values) });
      if (!answer.ok) throw new Error();
      sessionStorage.removeItem(key);
      if (status) status.textContent = status.dataset.saved;
    } catch { if (status) status.textContent = status.dataset.unsaved; }
  };
  let timer = 0;
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(save, 1200); });
  form.addEventListener("change", () => { clearTimeout(timer); timer = setTimeout(save, 200); });
  form.addEventListener("submit", () => { clearTimeout(timer); sessionStorage.removeItem(key); });
  window.addEventListener("online", save);
}

// Only the fields that a chosen ground needs are shown; without script all of them are.
for (const group of document.querySelectorAll("[data-shows]")) {
  const update = () => {
    const value = (document.querySelector(`input[name=${group.dataset.shows}]:checked`) || {}).value || "";
    group.hidden = !group.dataset.for.split(" ").includes(value);
  };
  document.querySelectorAll(`input[name=${group.dataset.shows}]`).forEach((i) => i.addEventListener("change", update));
  update();
}

for (const input of document.querySelectorAll("input[type=file][data-picture]")) {
  const says = document.getElementById(input.dataset.picture);
  input.addEventListener("change", async () => {
    const file = input.files[0];
    if (!file || !window.createImageBitmap) return;
    try {
      const bitmap = await createImageBitmap(file);
      const scale = Math.min(1, 2000 / Math.max(bitmap.width, bitmap.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(bitmap.width * scale);
      canvas.height = Math.round(bitmap.height * scale);
      const pen = canvas.getContext("2d");
      pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      const small = document.createElement("canvas");
      small.width = 400; small.height = Math.max(3, Math.round(400 * canvas.height / canvas.width));
      const smallPen = small.getContext("2d");
      smallPen.drawImage(canvas, 0, 0, small.width, small.height);
      const found = problem(judge(smallPen.getImageData(0, 0, small.width, small.height).data, small.width, small.height));
      says.textContent = found ? says.dataset[found] : says.dataset.good;
      says.className = found ? "warn" : "ok";
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
      if (blob && blob.size < file.size) {
        const bag = new DataTransfer();
        bag.items.add(new File([blob], "page.jpg", { type: "image/jpeg" }));
        input.files = bag.files;
      }
    } catch { says.textContent = says.dataset.unreadable; }
  });
}
