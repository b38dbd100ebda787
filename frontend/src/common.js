// What every audience's pages share: font size and suggestions of compounds.
export function cookie(name) {
  const found = document.cookie.split("; ").find((c) => c.startsWith(name + "="));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export function csrf() {
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  return field ? field.value : "";
}

function fontSwitch() {
  for (const button of document.querySelectorAll("[data-font]")) {
    button.addEventListener("click", () => {
      const large = document.documentElement.classList.toggle("large");
      document.cookie = `ruxue_font=${large ? "large" : "normal"};path=/;max-age=31536000;samesite=lax`;
      button.setAttribute("aria-pressed", String(large));
    });
  }
}

// An input with data-suggest=URL becomes a combobox; the choice goes into the field named by data-target.
function suggest(input) {
  const target = document.getElementById(input.dataset.target);
  const list = document.createElement("ul");
  list.className = "suggest";
  list.id = input.id + "-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.label || "");
  list.hidden = true;
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.autocomplete = "off";
  let timer = 0, active = -1;
  const close = () => { list.hidden = true; active = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const pick = (option) => {
    input.value = option.dataset.name;
    target.value = option.dataset.code;
    close();
    target.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const show = (rows) => {
    list.replaceChildren(...rows.map((row, i) => {
      const option = document.createElement("li");
      option.id = `${list.id}-${i}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.code = row.code;
      option.dataset.name = row.name;
      option.textContent = row.name;
      const where = document.createElement("small");
      where.textContent = row.address;
      option.append(where);
      option.addEventListener("mousedown", (e) => { e.preventDefault(); pick(option); });
      return option;
    }));
    list.hidden = rows.length === 0;
    input.setAttribute("aria-expanded", String(rows.length > 0));
  };
  input.addEventListener("input", () => {
    target.value = "";
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (!input.value.trim()) return close();
      try {
        const answer = await fetch(`${input.dataset.suggest}${input.dataset.suggest.includes("?") ? "&" : "?"}q=${encodeURIComponent(input.value)}`);
        if (answer.ok) show((await answer.json()).compounds);
      } catch { close(); }
    }, 180);
  });
  input.addEventListener("keydown", (e) => {
    const options = [...list.children];
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      if (!options.length) return;
      e.preventDefault();
      active = (active + (e.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
      options.forEach((o, i) => o.setAttribute("aria-selected", String(i === active)));
      input.setAttribute("aria-activedescendant", options[active].id);
    } else if (e.key === "Enter" && active >= 0 && !list.hidden) { e.preventDefault(); pick(options[active]); }
    else if (e.key === "Escape") close();
  });
  input.addEventListener("blur", () => setTimeout(close, 150));
}

export function start() {
  fontSwitch();
  document.querySelectorAll("[data-suggest]").forEach(suggest);
  document.querySelectorAll("[data-print]").forEach((b) => b.addEventListener("click", () => window.print()));
}
