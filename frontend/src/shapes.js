// Colors of zones by a number, and the rows of the table behind; pure functions.
export const COLORS = ["#d7e9f7", "#a9cfea", "#f6d89a", "#eda65d", "#d55e00"];
export const STEPS = [70, 85, 100, 115];
export const UNKNOWN = "#cdd6e0";

export function level(value, steps = STEPS) {
  if (value === null || value === undefined || Number.isNaN(Number(value))) return UNKNOWN;
  const found = steps.findIndex((step) => Number(value) < step);
  return COLORS[Math.min(found < 0 ? steps.length : found, COLORS.length - 1)];
}

export const steps = (text) =>
  text
    ? text
        .split(/[\s,]+/)
        .map(Number)
        .filter((n) => !Number.isNaN(n))
    : STEPS;

export function legend(bounds, unit = "") {
  const names = bounds.map((b, i) => (i ? `${bounds[i - 1]}–${b}${unit}` : `< ${b}${unit}`));
  return [...names, `≥ ${bounds[bounds.length - 1]}${unit}`].map((text, i) => ({
    text,
    color: COLORS[Math.min(i, COLORS.length - 1)],
  }));
}

export function rows(collection, property) {
  return (collection.features || [])
    .filter((f) => f.geometry?.type !== "Point" && f.properties?.label)
    .map((f) => [f.properties.label, f.properties[property] ?? null]);
}
