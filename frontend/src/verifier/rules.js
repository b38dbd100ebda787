// Rules that can't be carried out are refused with the rule's name (none where only all of them together fail), never bent.
import { has } from "./json.js";

export class Refused extends Error {
  constructor(rule, detail = "") {
    super(`${rule} ${detail}`);
    this.rule = rule;
    this.detail = detail;
  }
}

export function refuse(rule, detail) {
  throw new Refused(rule, detail);
}

export function onlyKeys(rules, known) {
  for (const key of Object.keys(rules).sort()) if (!known.includes(key)) refuse(key);
}

const count = (value) => Number.isSafeInteger(value) && value >= 0;

// A count of seats or classes.
export const whole = (rules, key) => (has(rules, key) && count(rules[key]) ? rules[key] : refuse(key));

// Counts by name.
export function wholeMap(rules, key) {
  const map = has(rules, key) ? rules[key] : null;
  if (map === null || typeof map !== "object" || Array.isArray(map)) refuse(key);
  for (const name of Object.keys(map)) if (!count(map[name])) refuse(key, name);
  return map;
}
