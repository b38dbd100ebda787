// The text of a rule: line numbers beside it, and a way from an error to its line.
import { storage } from "./common.js";

const closed = () => storage("sessionStorage");

function numbers(area) {
  if (area.dataset.numbered) return;
  area.dataset.numbered = "1";
  const gutter = document.createElement("pre");
  gutter.className = "rule-gutter";
  gutter.setAttribute("aria-hidden", "true");
  const frame = document.createElement("div");
  frame.className = "rule-frame";
  area.before(frame);
  frame.append(gutter, area);
  const draw = () => {
    gutter.textContent = area.value
      .split("\n")
      .map((_, i) => i + 1)
      .join("\n");
  };
  const follow = () => {
    gutter.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", draw);
  area.addEventListener("scroll", follow);
  draw();
  area.scrollTop = Number(closed()?.getItem("rule-scroll") || 0);
  follow();
}

// Parts that somebody closed stay closed when the editor comes back from the server.
function parts(root) {
  for (const part of root.querySelectorAll("details[id]")) {
    const kept = closed()?.getItem(`open-${part.id}`);
    if (kept) part.open = kept === "yes" || part.querySelector(".rule-open") !== null;
    part.addEventListener("toggle", () => closed()?.setItem(`open-${part.id}`, part.open ? "yes" : "no"));
  }
}

function begin() {
  const editor = document.getElementById("editor");
  if (!editor) return;
  const area = editor.querySelector("#text");
  if (area) numbers(area);
  parts(editor);
  // Steps outside the form speak of the revision that is on the page now.
  const revision = editor.querySelector("[name=revision]")?.value;
  document.querySelectorAll("[data-revision]").forEach((field) => {
    if (revision) field.value = revision;
  });
}

export function startRules() {
  begin();
  document.addEventListener("htmx:beforeSwap", () => {
    const area = document.querySelector("#editor #text");
    if (area) closed()?.setItem("rule-scroll", String(area.scrollTop));
  });
  document.addEventListener("htmx:afterSwap", begin);
  document.addEventListener("click", (e) => {
    const button = e.target.closest?.("[data-line]");
    const area = document.getElementById("text");
    if (!button || !area) return;
    const lines = area.value.split("\n");
    const line = Number(button.dataset.line) - 1;
    const start = lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[line] || "").length);
    area.scrollTop = (area.scrollHeight / lines.length) * Math.max(0, line - 5);
  });
}
