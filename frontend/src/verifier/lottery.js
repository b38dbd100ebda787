// The lottery of ruxue-draw/1 in each of its modes.
import { byCodePoint, ranked, Stream } from "./chance.js";
import { has } from "./json.js";
import { onlyKeys, refuse, whole, wholeMap } from "./rules.js";

// unit -> its entries' codes, in the list's order (sorted by code).
export function unitsOf(entries) {
  const units = new Map();
  for (const { code, group } of entries) {
    const unit = group === undefined ? code : group;
    if (units.has(unit)) units.get(unit).push(code);
    else units.set(unit, [code]);
  }
  return units;
}

const boundaryOf = (rules) =>
  ["skip", "admit"].includes(rules.group_boundary) ? rules.group_boundary : refuse("group_boundary");

// Seats of one school or category, filled unit by unit.
class Seats {
  constructor(seats, boundary) {
    this.left = seats;
    this.boundary = boundary;
    this.admitted = [];
    this.excess = 0;
  }

  take(codes) {
    if (this.left <= 0 || (codes.length > this.left && this.boundary === "skip")) return false;
    this.admitted.push(...codes);
    this.excess = Math.max(0, codes.length - this.left);
    this.left -= codes.length;
    return true;
  }
}

// Seats by level, ascending, and each unit's level; without quotas no levels at all.
function quotasOf(rules, entries, units) {
  if (!has(rules, "quotas")) return { levels: [], level: new Map(), unused: "closed" };
  const { quotas } = rules;
  if (quotas === null || typeof quotas !== "object" || Array.isArray(quotas)) refuse("quotas");
  if (Object.keys(quotas).sort().join() !== "attribute,seats,unused" || !["open", "closed"].includes(quotas.unused))
    refuse("quotas");
  const { attribute, unused } = quotas,
    plan = wholeMap(quotas, "seats");
  if (typeof attribute !== "string" || !Object.keys(plan).every((text) => /^(0|[1-9]\d*)$/.test(text)))
    refuse("quotas");
  const levels = Object.keys(plan)
    .sort((a, b) => Number(a) - Number(b))
    .map((text) => ({ number: Number(text), seats: plan[text] }));
  if (levels.reduce((sum, l) => sum + l.seats, 0) > whole(rules, "seats")) refuse("quotas");
  const of = new Map(entries.map((entry) => [entry.code, has(entry, attribute) ? entry[attribute] : null])),
    level = new Map();
  for (const [unit, codes] of units) {
    const found = new Set(codes.map((code) => of.get(code))),
      [first] = found;
    if (found.size > 1 || !Number.isSafeInteger(first)) refuse("quotas", unit);
    level.set(unit, first);
  }
  return { levels, level, unused };
}

function byRank({ rules, entries }, seed) {
  onlyKeys(rules, ["seats", "group_boundary", "quotas"]);
  const boundary = boundaryOf(rules),
    units = unitsOf(entries),
    { levels, level, unused } = quotasOf(rules, entries, units);
  const { names, tickets } = ranked(units.keys(), seed),
    admitted = [],
    taken = new Set(),
    left = new Map();
  let excess = 0,
    open = whole(rules, "seats") - levels.reduce((sum, l) => sum + l.seats, 0);
  const portion = (some, places) => {
    const seats = new Seats(places, boundary);
    for (const unit of some) {
      left.set(unit, seats.left);
      if (seats.take(units.get(unit))) taken.add(unit);
    }
    admitted.push(...seats.admitted);
    excess += seats.excess;
    return Math.max(0, seats.left);
  };
  for (const { number, seats } of levels) {
    const spare = portion(
      names.filter((unit) => level.get(unit) === number),
      seats,
    );
    if (unused === "open") open += spare;
  }
  portion(
    names.filter((unit) => !taken.has(unit)),
    open,
  );
  return { result: { order: names, admitted, excess }, rounds: [{ names, tickets }], left };
}

function filled(seats) {
  return {
    admitted: Object.fromEntries([...seats].map(([key, s]) => [key, s.admitted])),
    excess: Object.fromEntries([...seats].map(([key, s]) => [key, s.excess])),
  };
}

function byPreference({ rules, entries }, seed) {
  onlyKeys(rules, ["mode", "seats", "choices", "tickets", "group_boundary"]);
  const plan = wholeMap(rules, "seats"),
    { choices } = rules,
    units = unitsOf(entries);
  const each = rules.tickets === "each" || (rules.tickets !== "one" && refuse("tickets"));
  if (choices === null || typeof choices !== "object" || Array.isArray(choices)) refuse("choices");
  for (const [unit, list] of Object.entries(choices)) {
    if (!units.has(unit) || !Array.isArray(list)) refuse("choices", unit);
    if (new Set(list).size !== list.length) refuse("choices", unit);
    for (const choice of list) if (typeof choice !== "string" || !has(plan, choice)) refuse("choices", unit);
  }
  const seats = new Map(Object.keys(plan).map((key) => [key, new Seats(plan[key], boundaryOf(rules))]));
  const rounds = [],
    waiting = new Set(Object.keys(choices)),
    last = Object.values(choices).reduce((n, c) => Math.max(n, c.length), 0);
  const once = each ? null : ranked(units.keys(), seed);
  for (let n = 1; n <= last; n++) {
    const takes = (unit) => waiting.has(unit) && choices[unit].length >= n;
    const round = each
      ? ranked([...units.keys()].filter(takes), seed, n)
      : { names: once.names.filter(takes), tickets: once.tickets };
    for (const unit of round.names) if (seats.get(choices[unit][n - 1]).take(units.get(unit))) waiting.delete(unit);
    rounds.push(round);
  }
  return { result: filled(seats), rounds };
}

// Every `interval`-th of those still in the circle, from number `start` on.
export function walk(count, start, interval, wanted) {
  const circle = Array.from({ length: count }, (_, i) => i + 1),
    out = [];
  for (let at = start - 1; out.length < wanted;) {
    out.push(...circle.splice(at, 1));
    if (circle.length) at = (at + interval - 1) % circle.length;
  }
  return out;
}

function byInterval({ rules, entries }, seed) {
  onlyKeys(rules, ["mode", "seats"]);
  const wanted = whole(rules, "seats"),
    codes = entries.map((e) => e.code).sort(byCodePoint),
    stream = new Stream(seed, "interval");
  if (entries.some((e) => has(e, "group"))) refuse("group");
  const start = 1 + stream.below(codes.length),
    interval = 1 + stream.below(codes.length);
  const admitted = walk(codes.length, start, interval, Math.min(wanted, codes.length)).map((n) => codes[n - 1]);
  return { result: { start, interval, admitted }, rounds: [] };
}

const MODES = { preference: byPreference, interval: byInterval };

// {result, rounds}: a round holds the units in their order and the tickets behind it; by rank also `left`, the seats that each
// unit found. Throws Refused for rules that can't be carried out.
export function lottery(manifest, seed) {
  if (!has(manifest.rules, "mode")) return byRank(manifest, seed);
  const { mode } = manifest.rules;
  return typeof mode === "string" && has(MODES, mode) ? MODES[mode](manifest, seed) : refuse("mode");
}
