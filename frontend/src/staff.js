import { start } from "./common.js";

start();
// The dark theme of Tabler follows the system.
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
dark.addEventListener("change", theme);
theme();

// j/k through a queue, Enter opens, a accepts, r returns; never while typing.
const rows = [...document.querySelectorAll("tr[data-href]")];
let current = -1;
const select = (i) => {
  if (!rows.length) return;
  current = Math.max(0, Math.min(rows.length - 1, i));
  rows.forEach((row, n) => row.setAttribute("aria-selected", String(n === current)));
  rows[current].scrollIntoView({ block: "nearest" });
};
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
  const focus = (selector) => { const field = document.querySelector(selector); if (field) { e.preventDefault(); field.focus(); } };
  if (e.key === "j") select(current + 1);
  else if (e.key === "k") select(current - 1);
  else if (e.key === "Enter" && current >= 0 && e.target === document.body) location.href = rows[current].dataset.href;
  else if (e.key === "a") focus("[data-accept]");
  else if (e.key === "r") focus("[data-return]");
});
document.querySelectorAll("[data-confirm]").forEach((form) => form.addEventListener("submit", (e) => { if (!confirm(form.dataset.confirm)) e.preventDefault(); }));
document.querySelectorAll("[data-all]").forEach((box) => box.addEventListener("change", () => document.querySelectorAll(`input[name=${box.dataset.all}]`).forEach((b) => { b.checked = box.checked; })));
