// What every audience's pages share: texts, the font size, compound suggestions, printing.
export function csrf() {
  // The cookie is out of scripts' reach, so the token comes from any form on the page.
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  return field ? field.value : "";
}

// Words come from the page in its language: from the element itself, else from the base template's #texts.
export function say(name, element) {
  const shared = document.getElementById("texts");
  return element?.dataset[name] || shared?.dataset[name] || "";
}

export function storage(area) {
  // Private windows of some browsers throw on touch.
  try {
    window[area].getItem("ruxue");
    return window[area];
  } catch {
    return null;
  }
}

function fontSwitch() {
  for (const button of document.querySelectorAll("[data-font]")) {
    button.addEventListener("click", () => {
      const large = document.documentElement.classList.toggle("large");
      document.cookie = `ruxue_font=${large ? "large" : "normal"};path=/;max-age=31536000;samesite=lax`;
      document.querySelectorAll("[data-font]").forEach((b) => b.setAttribute("aria-pressed", String(large)));
    });
  }
}

// Both shapes that servers answer with: {compounds: [{code, name, address}]} or {results: [{value, label, detail}]}.
export function suggestions(answer) {
  return (answer.compounds || answer.results || []).map((row) => ({
    code: String(row.code ?? row.value ?? ""),
    name: String(row.name ?? row.label ?? ""),
    detail: String(row.address ?? row.detail ?? ""),
  }));
}

// An input with data-suggest-url becomes a combobox (ARIA 1.2); the choice's code goes into the field of data-target.
function suggest(input) {
  const url = input.dataset.suggestUrl || input.dataset.suggest;
  const target = document.getElementById(input.dataset.target);
  if (!input.id) input.id = "suggest-" + Math.random().toString(36).slice(2);
  const list = document.createElement("ul");
  list.className = "suggest";
  list.id = input.id + "-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.label || input.labels?.[0]?.textContent || "");
  list.hidden = true;
  const heard = document.createElement("p");
  heard.className = "visually-hidden";
  heard.setAttribute("role", "status");
  input.after(list, heard);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-haspopup", "listbox");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.autocomplete = "off";
  let timer = 0,
    active = -1,
    asked = 0;
  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const pick = (option) => {
    input.value = option.dataset.name;
    if (target) target.value = option.dataset.code;
    close();
    (target || input).dispatchEvent(new Event("change", { bubbles: true }));
  };
  const show = (rows) => {
    close();
    list.replaceChildren(
      ...rows.map((row, i) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${i}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.dataset.code = row.code;
        option.dataset.name = row.name;
        const where = document.createElement("small");
        where.textContent = row.detail;
        option.append(row.name, where);
        option.addEventListener("mousedown", (e) => e.preventDefault());
        option.addEventListener("click", () => pick(option));
        return option;
      }),
    );
    list.hidden = rows.length === 0;
    input.setAttribute("aria-expanded", String(rows.length > 0));
    heard.textContent = rows.length ? `${rows.length} ${say("found", input)}` : say("nothing", input);
  };
  const ask = async () => {
    const words = input.value.trim(),
      mine = ++asked;
    if (!words) return close();
    try {
      const answer = await fetch(`${url}${url.includes("?") ? "&" : "?"}q=${encodeURIComponent(words)}`, {
        headers: { Accept: "application/json" },
      });
      // A slow answer to an older question must not cover a newer one.
      if (answer.ok && mine === asked && document.activeElement === input) show(suggestions(await answer.json()));
    } catch {
      close();
    }
  };
  input.addEventListener("input", () => {
    if (target) target.value = "";
    clearTimeout(timer);
    timer = setTimeout(ask, 180);
  });
  input.addEventListener("keydown", (e) => {
    if (e.isComposing) return; // Enter and arrows belong to the pinyin input method then
    const options = [...list.children];
    if (e.key === "Escape") return close();
    if (list.hidden || !options.length) return;
    const steps = { ArrowDown: active + 1, ArrowUp: active < 0 ? options.length - 1 : active - 1 };
    if (e.key in steps) {
      e.preventDefault();
      active = (steps[e.key] + options.length) % options.length;
      options.forEach((o, i) => o.setAttribute("aria-selected", String(i === active)));
      options[active].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", options[active].id);
    } else if (e.key === "Enter" && active >= 0) {
      e.preventDefault();
      pick(options[active]);
    }
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
}

// What can't be taken back is asked once more.
function confirmations() {
  document.addEventListener("submit", (e) => {
    const text = e.submitter?.dataset.confirm || e.target.dataset.confirm;
    if (text && !confirm(text)) e.preventDefault();
  });
}

export function start() {
  fontSwitch();
  confirmations();
  document.querySelectorAll("[data-suggest], [data-suggest-url]").forEach(suggest);
  document.querySelectorAll("[data-print]").forEach((b) => b.addEventListener("click", () => window.print()));
  // After an error the summary is read out first; without one the field itself is gone to.
  (document.querySelector(".errors[tabindex]") || document.querySelector("[aria-invalid=true]"))?.focus();
}
