// Drafts save themselves; what could not be sent stays on the phone until it could, and no longer.
import { csrf, say, storage } from "./common.js";

const PREFIX = "draft:",
  DAYS = 3;

// What a form would send, in order, as pairs: unchecked boxes, files and the token are not content.
export function contents(elements) {
  return [...elements]
    .filter(
      (e) =>
        e.name &&
        !e.disabled &&
        e.name !== "csrfmiddlewaretoken" &&
        !["file", "submit", "button", "password"].includes(e.type) &&
        !(["radio", "checkbox"].includes(e.type) && !e.checked),
    )
    .map((e) => [e.name, e.value]);
}

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

// Puts kept pairs back into fields; the same name may stand several times.
export function restore(elements, pairs) {
  const left = new Map();
  for (const [name, value] of pairs) left.set(name, [...(left.get(name) || []), value]);
  for (const e of elements) {
    if (!e.name || e.name === "csrfmiddlewaretoken" || ["file", "submit", "button", "password"].includes(e.type))
      continue;
    if (["radio", "checkbox"].includes(e.type)) e.checked = (left.get(e.name) || []).includes(e.value);
    else if (left.get(e.name)?.length) e.value = left.get(e.name).shift();
  }
}

export const expired = (copy, now) => !copy || !Array.isArray(copy.pairs) || now - copy.at > DAYS * 86_400_000;

function sweep(kept) {
  for (const key of Object.keys(kept).filter((k) => k.startsWith(PREFIX))) {
    let copy = null;
    try {
      copy = JSON.parse(kept.getItem(key));
    } catch {
      /* damaged: swept below */
    }
    // Coming from the form's page to another one means that the server took the form.
    const taken =
      copy?.sent &&
      location.pathname !== copy.page &&
      document.referrer &&
      new URL(document.referrer).pathname === copy.page;
    if (taken || expired(copy, Date.now())) kept.removeItem(key);
  }
}

function autosave(form, kept) {
  const url = form.dataset.autosaveUrl || form.dataset.autosave,
    key = PREFIX + url;
  let status = form.querySelector("[data-saved]") || document.querySelector("[data-saved]:not(#texts)");
  if (!status) {
    status = document.createElement("p");
    status.className = "small soft";
    form.append(status);
  }
  status.setAttribute("aria-live", "polite");
  const now = () => contents(form.elements);
  let timer = 0,
    running = false,
    again = false,
    last = now();
  const show = (name) => {
    status.textContent = say(name, status);
    status.classList.toggle("warn", name === "unsaved");
  };
  const keep = (sent = false) =>
    kept?.setItem(key, JSON.stringify({ at: Date.now(), page: location.pathname, sent, pairs: now() }));

  const save = async () => {
    clearTimeout(timer);
    const pairs = now();
    if (same(pairs, last)) {
      kept?.removeItem(key);
      return;
    }
    if (running) {
      again = true;
      return;
    }
    running = true;
    show("saving");
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "X-CSRFToken": csrf() },
        body: new URLSearchParams(pairs),
      });
      // A redirect means the sign-in page: nothing was saved.
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      last = pairs;
      if (same(now(), last)) kept?.removeItem(key);
      show("saved");
    } catch {
      show("unsaved");
    }
    running = false;
    if (again) {
      again = false;
      save();
    }
  };

  let copy = null;
  try {
    copy = JSON.parse(kept?.getItem(key));
  } catch {
    /* damaged copies are not restored */
  }
  if (!expired(copy, Date.now())) {
    restore(form.elements, copy.pairs);
    form
      .querySelectorAll("input[type=radio]:checked")
      .forEach((e) => e.dispatchEvent(new Event("change", { bubbles: true })));
    show("restored");
    save();
  }
  form.addEventListener("input", () => {
    keep();
    clearTimeout(timer);
    timer = setTimeout(save, 1500);
  });
  form.addEventListener("change", () => {
    keep();
    clearTimeout(timer);
    timer = setTimeout(save, 150);
  });
  form.addEventListener("submit", (e) => {
    clearTimeout(timer);
    if (navigator.onLine === false) {
      e.preventDefault();
      keep();
      show("unsaved");
      return;
    }
    if (!same(now(), last)) keep(true);
  });
  addEventListener("online", save);
}

export function startAutosave() {
  const kept = storage("localStorage");
  if (kept) sweep(kept);
  document.querySelectorAll("form[data-autosave], form[data-autosave-url]").forEach((form) => autosave(form, kept));
  // Signing out of a shared phone leaves nothing behind.
  document.querySelectorAll("form[data-forget]").forEach((form) =>
    form.addEventListener("submit", () => {
      Object.keys(kept || {})
        .filter((k) => k.startsWith(PREFIX))
        .forEach((k) => kept.removeItem(k));
    }),
  );
}
