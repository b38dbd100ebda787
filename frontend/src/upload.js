// A picture is made smaller and looked at before it is sent; the family decides whether to take it again.
import { say } from "./common.js";
import { fit, judge, problem } from "./picture.js";

function draw(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff"; // JPEG has no transparency
  pen.fillRect(0, 0, width, height);
  pen.drawImage(source, 0, 0, width, height);
  return canvas;
}

async function look(input, says) {
  const file = input.files[0];
  says.textContent = "";
  says.parentElement.querySelector(".preview")?.remove();
  if (!file || !window.createImageBitmap) return;
  try {
    const bitmap = await createImageBitmap(file);
    const canvas = draw(bitmap, ...fit(bitmap.width, bitmap.height));
    const [width, height] = fit(bitmap.width, bitmap.height, 400);
    const small = draw(bitmap, width, height);
    const found = problem(judge(small.getContext("2d").getImageData(0, 0, width, height).data, width, height));
    says.textContent = `${found ? "! " : "✓ "}${say(found || "good", says)}`;
    says.className = found ? "warn" : "ok";
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
    if (blob && input.files[0] === file && (blob.size < file.size || !/jpe?g|png/.test(file.type))) {
      const bag = new DataTransfer();
      bag.items.add(new File([blob], "page.jpg", { type: "image/jpeg" }));
      input.files = bag.files;
    }
    small.className = "preview";
    small.setAttribute("role", "img");
    small.setAttribute("aria-label", file.name);
    says.after(small);
  } catch {
    says.textContent = `! ${say("unreadable", says)}`;
    says.className = "warn";
  }
}

export function startUploads() {
  for (const input of document.querySelectorAll("input[type=file][data-picture]")) {
    let says = document.getElementById(input.dataset.picture);
    if (!says) {
      says = document.createElement("p");
      input.after(says);
    }
    says.setAttribute("aria-live", "polite");
    input.addEventListener("change", () => look(input, says));
  }
}
