import htmx from "htmx.org";
import { contents, restore } from "./autosave.js";
import { start, storage } from "./common.js";
import { diff } from "./diff.js";
import { startRules } from "./rules.js";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
start();
startRules();

// On a phone the rows of a wide table are blocks, in which each cell says what it is.
function labels() {
  for (const table of document.querySelectorAll("table.stacked")) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    for (const cell of table.querySelectorAll("tbody td"))
      if (heads[cell.cellIndex] && cell.colSpan === 1) cell.dataset.label = heads[cell.cellIndex];
  }
}
labels();
document.addEventListener("htmx:afterSwap", labels);

// What was typed comes back into the same form where the server answered with an error on a fresh page.
const TYPED = "typed";
const tab = storage("sessionStorage");
const forms = () => [...document.querySelectorAll("main form[method=post]")];
const fixed = (e) => ["hidden", "submit"].includes(e.type) && e.name !== "csrfmiddlewaretoken";
const signature = (form) =>
  JSON.stringify([form.id, form.getAttribute("action"), [...form.elements].map((e) => [e.name, fixed(e) && e.value])]);
function typedBack() {
  let kept = null;
  try {
    kept = JSON.parse(tab?.getItem(TYPED));
  } catch {
    /* damaged: forgotten below */
  }
  tab?.removeItem(TYPED);
  if (kept?.path !== location.pathname || !document.querySelector("main .alert-danger")) return;
  const form = forms().find((f) => signature(f) === kept.form);
  if (!form) return;
  restore(form.elements, kept.pairs);
  if (!document.querySelector("[aria-invalid=true]"))
    [...form.elements].find((e) => e.name && e.type !== "hidden" && e.type !== "submit")?.focus();
}
typedBack();
document.addEventListener("submit", (e) => {
  if (e.defaultPrevented || !forms().includes(e.target)) return;
  const kept = { path: location.pathname, form: signature(e.target), pairs: contents(e.target.elements) };
  tab?.setItem(TYPED, JSON.stringify(kept));
});

// What was written and what is held: both sides mark the characters that differ.
for (const mine of document.querySelectorAll("[data-diff-with]")) {
  const theirs = document.getElementById(mine.dataset.diffWith);
  if (!theirs) continue;
  diff(mine.textContent, theirs.textContent).forEach((runs, side) =>
    (side ? theirs : mine).replaceChildren(
      ...runs.map((run) => {
        if (run.same) return run.text;
        const mark = document.createElement("mark");
        mark.textContent = run.text;
        return mark;
      }),
    ),
  );
}

// j/k through a queue, Enter opens, a accepts, r returns, ? explains; never while typing.
const rows = () => [...document.querySelectorAll("tr[data-href], [data-row]")];
const help = document.getElementById("keys");
const kept = storage("localStorage");
const toggle = help?.querySelector("[data-keys-on]");
if (toggle) {
  // Single keys disturb speech input, so they can be turned off (WCAG 2.1.4).
  toggle.checked = kept?.getItem("keys") !== "off";
  toggle.addEventListener("change", () => kept?.setItem("keys", toggle.checked ? "on" : "off"));
}
document.querySelectorAll("[data-keys]").forEach((b) => b.addEventListener("click", () => help?.showModal()));

let current = -1;
const select = (i) => {
  const all = rows();
  if (!all.length) return;
  current = Math.max(0, Math.min(all.length - 1, i));
  all.forEach((row, n) => row.setAttribute("aria-selected", String(n === current)));
  all[current].scrollIntoView({ block: "nearest" });
  // Focus on the row's own link lets screen readers say where we are.
  (all[current].querySelector("a[href]") || all[current]).focus({ preventScroll: true });
};
const open = () => {
  const row = rows()[current];
  const address = row?.dataset.href || row?.querySelector("a[href]")?.href;
  if (address) location.href = address;
};
document.addEventListener("keydown", (e) => {
  if (
    e.ctrlKey ||
    e.metaKey ||
    e.altKey ||
    e.isComposing ||
    e.target.isContentEditable ||
    (/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && !/^(checkbox|radio)$/.test(e.target.type))
  )
    return;
  if (help?.open) return;
  if (e.key === "?") {
    help?.showModal();
    return;
  }
  if (toggle && !toggle.checked) return;
  const focus = (selector) => {
    const field = document.querySelector(selector);
    if (field) {
      e.preventDefault();
      field.focus();
      field.scrollIntoView({ block: "nearest" });
    }
  };
  if (e.key === "j") select(current + 1);
  else if (e.key === "k") select(current - 1);
  else if (e.key === "Enter" && current >= 0 && e.target === document.body) open();
  else if (e.key === "a") focus("[data-accept]");
  else if (e.key === "r") focus("[data-return]");
});
document.addEventListener("click", (e) => {
  const row = e.target.closest?.("tr[data-href]");
  if (row && !e.target.closest("a, button, input, label, select, summary")) location.href = row.dataset.href;
});
for (const box of document.querySelectorAll("[data-all]")) {
  const mine = () => [...document.querySelectorAll(`input[type=checkbox][name="${box.dataset.all}"]`)];
  const count = () =>
    document.querySelectorAll(`[data-count="${box.dataset.all}"]`).forEach((c) => {
      c.textContent = mine().filter((b) => b.checked).length;
    });
  box.addEventListener("change", () => {
    mine().forEach((b) => {
      b.checked = box.checked;
    });
    count();
  });
  mine().forEach((b) => b.addEventListener("change", count));
}
// Filters take effect at once and stay in the address bar.
document
  .querySelectorAll("form[data-filter]")
  .forEach((form) =>
    form.addEventListener("change", () => (form.requestSubmit ? form.requestSubmit() : form.submit())),
  );
// Menus close as everyone expects.
document.addEventListener("click", (e) =>
  document.querySelectorAll("details.menu[open]").forEach((d) => {
    if (!d.contains(e.target)) d.open = false;
  }),
);
document.addEventListener("keydown", (e) => {
  if (e.key === "Escape")
    document.querySelectorAll("details.menu[open]").forEach((d) => {
      d.open = false;
      d.querySelector("summary").focus();
    });
});
