// The rules of a class assignment read and prepared: levels, units, ties and moments, as docs/class-assignment.md defines them.
import { byCodePoint } from "./chance.js";
import { has } from "./json.js";
import { onlyKeys, refuse } from "./rules.js";

const KEYS = [
  "classes",
  "cap",
  "balance",
  "mean",
  "together",
  "apart",
  "required",
  "forbidden",
  "names_apart",
  "limit",
  "fixed",
  "placed",
];
const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
const atLeast = (least) => (v) => Number.isSafeInteger(v) && v >= least;
const isText = (v) => typeof v === "string";

function optional(rules, key, fits, otherwise) {
  if (!has(rules, key)) return otherwise;
  return fits(rules[key]) ? rules[key] : refuse(key);
}

const listOf = (fits) => (v) => Array.isArray(v) && v.every(fits);

function floorDiv(a, b) {
  const q = a / b;
  return a % b < 0n ? q - 1n : q;
}

// ⌊√n⌋ of a BigInt.
export function root(n) {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) / 2n;
    if (y >= x) return x;
    x = y;
  }
}

function column(entries, attribute, rule) {
  return entries.map((entry) =>
    has(entry, attribute) && Number.isSafeInteger(entry[attribute]) ? entry[attribute] : refuse(rule, attribute),
  );
}

// Values of a term for each entry: an attribute, or which of p equal parts of the list its value falls into.
function term(text, entries) {
  const parts = /^(.+)\/(\d+)$/s.exec(text);
  if (!parts) return column(entries, text, "balance");
  const values = column(entries, parts[1], "balance"),
    p = Number(parts[2]);
  if (!(p >= 2 && p <= 100)) refuse("balance", text);
  const sorted = [...values].sort((a, b) => a - b),
    smaller = new Map();
  sorted.forEach((v, s) => {
    if (!smaller.has(v)) smaller.set(v, s);
  });
  return values.map((v) => Math.floor((p * smaller.get(v)) / values.length));
}

function criterion(text, entries) {
  const terms = text.split("*").map((t) => term(t, entries)),
    cells = entries.map((_, i) => terms.map((t) => t[i]));
  const byValue = (a, b) => {
    for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return a[k] - b[k];
    return 0;
  };
  const labels = [...new Map(cells.map((cell) => [cell.join("*"), cell]))]
    .sort((a, b) => byValue(a[1], b[1]))
    .map(([label]) => label);
  const place = new Map(labels.map((label, level) => [label, level]));
  return { text, labels, of: cells.map((cell) => place.get(cell.join("*"))) };
}

// Moments: what makes means and spreads of the ordered attributes comparable, in integers below 2^53 all along.
function momentsOf(ordered, largestUnit, largestClass) {
  const columns = [];
  ordered.forEach(({ values }, k) => {
    const least = values.reduce((a, b) => Math.min(a, b)),
      x = values.map((v) => BigInt(v) - BigInt(least)),
      n = BigInt(x.length);
    const m = (2n * x.reduce((a, b) => a + b, 0n) + n) / (2n * n);
    columns.push([k, x], [k, x.map((v) => (v - m) ** 2n)]);
  });
  const kept = columns
    .map(([k, y]) => {
      const n = BigInt(y.length),
        sum = y.reduce((a, b) => a + b, 0n);
      return { k, y, n, sum, spread: n * y.reduce((a, b) => a + b * b, 0n) - sum * sum };
    })
    .filter((c) => c.spread > 0n);
  for (let p = 13; p >= 0; p--) {
    let largest = 0n;
    const made = kept.map(({ k, y, n, sum, spread }) => {
      const scale = root(((2n ** BigInt(p) / 2n ** BigInt(k)) ** 2n * n * n) / spread),
        s = scale > 1n ? scale : 1n,
        middle = floorDiv(s * sum, n);
      return y.map((v) => {
        const value = s * v - middle;
        if (value > largest) largest = value;
        if (-value > largest) largest = -value;
        return value;
      });
    });
    if (64n * BigInt(ordered.length) * BigInt(largestUnit) * BigInt(largestClass) * largest * largest < 2n ** 53n)
      return made.map((list) => list.map(Number));
  }
  return refuse("mean");
}

function readRules(rules) {
  onlyKeys(rules, KEYS);
  const isPair = (v) => Array.isArray(v) && v.length === 2 && v.every(isText) && v[0] !== v[1];
  const isLimit = (v) =>
    isObject(v) &&
    Object.keys(v).sort().join() === "attribute,level,most" &&
    isText(v.attribute) &&
    Number.isSafeInteger(v.level) &&
    atLeast(0)(v.most);
  if (!has(rules, "classes") || !atLeast(1)(rules.classes)) refuse("classes");
  const isClass = (v) => atLeast(1)(v) && v <= rules.classes,
    byCode = (v) => isObject(v) && Object.values(v).every(isClass);
  const mean = optional(rules, "mean", (v) => isText(v) || listOf(isText)(v), []);
  return {
    classes: rules.classes,
    cap: optional(rules, "cap", atLeast(1), Infinity),
    balance: optional(rules, "balance", listOf(isText), []),
    mean: isText(mean) ? [mean] : mean,
    together: optional(rules, "together", listOf(isText), []),
    apart: optional(rules, "apart", listOf(isText), []),
    required: optional(rules, "required", listOf(isPair), []),
    forbidden: optional(rules, "forbidden", listOf(isPair), []),
    names: optional(rules, "names_apart", isText, null),
    limits: optional(rules, "limit", listOf(isLimit), []),
    fixed: optional(rules, "fixed", byCode, {}),
    placed: optional(rules, "placed", byCode, null),
  };
}

export function planOf(rawRules, rawEntries) {
  const rules = readRules(rawRules),
    entries = [...rawEntries].sort((a, b) => byCodePoint(a.code, b.code)),
    n = entries.length;
  const place = new Map(entries.map((entry, i) => [entry.code, i])),
    late = rules.placed !== null;
  if (place.size !== n) refuse("entries");
  const at = (code, rule) => (place.has(code) ? place.get(code) : refuse(rule, code));
  const groups = new Map();
  entries.forEach(({ group }, i) => {
    if (group !== undefined) groups.set(group, [...(groups.get(group) || []), i]);
  });
  for (const key of ["together", "apart"]) for (const group of rules[key]) if (!groups.has(group)) refuse(key, group);
  for (const group of rules.together) if (rules.apart.includes(group)) refuse("together", group);
  const isPlaced = new Uint8Array(n),
    given = new Map();
  for (const [code, number] of Object.entries(rules.placed || {})) {
    isPlaced[at(code, "placed")] = 1;
    given.set(place.get(code), number);
  }
  for (const [code, number] of Object.entries(rules.fixed))
    if (!isPlaced[at(code, "fixed")]) given.set(place.get(code), number);
  if (late) {
    const free = Array(rules.classes).fill(rules.cap);
    for (const number of Object.values(rules.placed)) free[number - 1]--;
    if (n - given.size > free.reduce((sum, f) => sum + Math.max(0, f), 0) && rules.cap < Infinity) refuse("cap");
  } else if (rules.classes > n) refuse("classes");
  else if (n > rules.classes * rules.cap) refuse("cap");

  // Ties: none between two who are placed.
  const parent = Int32Array.from({ length: n }, (_, i) => i);
  const find = (i) => {
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const join = (i, j) => {
    const [a, b] = [find(i), find(j)];
    parent[Math.max(a, b)] = Math.min(a, b);
  };
  const speaks = (i, j) => !(isPlaced[i] && isPlaced[j]);
  const hostile = [];
  const allApart = (list) =>
    list.forEach((i, k) => {
      for (const j of list.slice(k + 1)) if (speaks(i, j)) hostile.push([i, j]);
    });
  for (const [group, members] of groups) {
    if (rules.apart.includes(group)) allApart(members);
    else if (members.some((i) => !isPlaced[i])) for (const i of members) join(members[0], i);
  }
  for (const [a, b] of rules.required)
    if (speaks(at(a, "required"), at(b, "required"))) join(place.get(a), place.get(b));
  for (const [a, b] of rules.forbidden)
    if (speaks(at(a, "forbidden"), at(b, "forbidden"))) hostile.push([place.get(a), place.get(b)]);
  if (rules.names !== null) {
    const named = new Map();
    column(entries, rules.names, "names_apart").forEach((name, i) => {
      if (name !== 0) named.set(name, [...(named.get(name) || []), i]);
    });
    for (const members of named.values()) allApart(members);
  }

  const criteria = rules.balance.map((text) => criterion(text, entries)),
    first = [];
  const criterionOf = criteria.flatMap(({ labels }, k) => {
    first.push(k ? first[k - 1] + criteria[k - 1].labels.length : 0);
    return labels.map(() => k);
  });
  const limitColumns = rules.limits.map(({ attribute }) => column(entries, attribute, "limit"));
  const ordered = rules.mean.map((name) => ({ name, values: column(entries, name, "mean") }));

  const unitOf = new Int32Array(n),
    units = [],
    byRoot = new Map();
  entries.forEach((entry, i) => {
    const top = find(i);
    if (!byRoot.has(top)) {
      byRoot.set(top, units.length);
      units.push({ members: [], enemies: new Set() });
    }
    unitOf[i] = byRoot.get(top);
    units[unitOf[i]].members.push({ code: entry.code, index: i });
  });
  for (const [i, j] of hostile) {
    if (unitOf[i] === unitOf[j]) refuse("forbidden", `${entries[i].code} ${entries[j].code}`);
    units[unitOf[i]].enemies.add(unitOf[j]);
    units[unitOf[j]].enemies.add(unitOf[i]);
  }
  const largestUnit = units.reduce((most, u) => Math.max(most, u.members.length), 0);
  const largestClass = late ? Math.min(n, rules.cap) : Math.ceil(n / rules.classes);
  const moments = momentsOf(ordered, largestUnit, largestClass);
  const levelOf = criteria.map(() => new Int32Array(units.length)),
    levelsOf = criteria.map(() => []),
    kinds = new Map(),
    kindOf = new Int32Array(units.length).fill(-1);
  units.forEach((unit, u) => {
    const { members } = unit,
      numbers = new Set(members.filter(({ index }) => given.has(index)).map(({ index }) => given.get(index)));
    if (numbers.size > 1) refuse("fixed", members[0].code);
    unit.number = numbers.size ? [...numbers][0] : 0;
    unit.settled = -1;
    unit.mustFit = !late || members.some(({ index }) => !isPlaced[index]);
    unit.enemies = [...unit.enemies];
    unit.single = members.length === 1;
    unit.weights = rules.limits.map(
      ({ level }, k) => members.filter(({ index }) => limitColumns[k][index] === level).length,
    );
    unit.values = moments.map((list) => members.reduce((sum, { index }) => sum + list[index], 0));
    unit.levels = [];
    criteria.forEach(({ of }, k) => {
      const counts = new Map();
      for (const { index } of members) counts.set(first[k] + of[index], (counts.get(first[k] + of[index]) || 0) + 1);
      levelsOf[k].push([...counts]);
      unit.levels.push(...counts);
      levelOf[k][u] = first[k] + of[members[0].index];
    });
    unit.bound = !unit.number && (!unit.single || unit.enemies.length > 0 || unit.weights.some((w) => w > 0));
    if (unit.single && !unit.enemies.length) {
      const kind = [...criteria.map((_, k) => levelOf[k][u]), ...unit.weights].join();
      if (!kinds.has(kind)) kinds.set(kind, kinds.size);
      kindOf[u] = kinds.get(kind);
    }
  });
  // The same in rows of one unit each, for the loops over all pairs of units.
  const isSingle = Uint8Array.from(units, (u) => u.single),
    levelAt = Int32Array.from(units.flatMap((_, u) => levelOf.map((list) => list[u])));
  const valueAt = Float64Array.from(units.flatMap((u) => u.values));
  return {
    isSingle,
    levelAt,
    valueAt,
    n,
    late,
    entries,
    units,
    criteria,
    criterionOf,
    levelOf,
    levelsOf,
    kindOf,
    ordered,
    moments: moments.length,
    levels: criterionOf.length,
    limits: rules.limits,
    classes: rules.classes,
    cap: rules.cap,
    quota: Math.floor(n / rules.classes),
    over: n % rules.classes,
    // Classes are called by their places in the draw; rules name them by the numbers that were drawn for them.
    settleBy(numbers) {
      for (const unit of units) if (unit.number) unit.settled = numbers.indexOf(unit.number);
    },
  };
}
