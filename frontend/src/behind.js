// A table behind every chart and map: for eyes that can't tell colors, for screen readers, for copying.
import { say } from "./common.js";

const PLOTS = "[data-chart], [data-map], [data-map-url]";

// The page's own table is enough: one named by data-table, in the same card, or after the plot before the next one.
function hasTable(box) {
  if (box.dataset.table) return box.dataset.table === "none" || Boolean(document.getElementById(box.dataset.table));
  const card = box.closest(".card, .panel, figure, section");
  if (card?.querySelector("table")) return true;
  for (
    let next = box.nextElementSibling;
    next && !next.matches(PLOTS) && !next.querySelector(PLOTS);
    next = next.nextElementSibling
  ) {
    if (next.matches("table") || next.querySelector("table")) return true;
  }
  return false;
}

export function tableBehind(box, head, rows) {
  if (hasTable(box) || !rows.length) return;
  const details = document.createElement("details"),
    summary = document.createElement("summary"),
    wide = document.createElement("div"),
    table = document.createElement("table");
  details.className = "behind";
  wide.className = "wide-table table-responsive";
  table.className = "table table-sm";
  summary.textContent = say("table", box) || "Table";
  const line = (cells, tag) => {
    const row = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(i === 0 ? "th" : tag);
      if (tag === "th") cell.scope = "col";
      else if (i === 0) cell.scope = "row";
      cell.textContent = text ?? "–";
      if (typeof text === "number") cell.className = "right num text-end";
      row.append(cell);
    });
    return row;
  };
  table.createTHead().append(line(head, "th"));
  table.createTBody().append(...rows.map((cells) => line(cells, "td")));
  wide.append(table);
  details.append(summary, wide);
  box.after(details);
}

// JSON of a json_script element named by id, else of an address on this site.
export async function read(id, url) {
  const element = id && document.getElementById(id);
  if (element) return JSON.parse(element.textContent);
  if (!url) return null;
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export function failed(box) {
  const text = document.createElement("p");
  text.className = "plot-failed";
  text.textContent = say("failed", box) || "–";
  box.replaceChildren(text);
}
