// The page: opens a bundle, shows each step while it is computed, and finds a child by its code.
import { has } from "./json.js";
import { unitsOf } from "./lottery.js";
import { STEPS, verify } from "./verify.js";
import { placeWords, WORDS } from "./words.js";

const SLICE = 40; // ms of work before the page may breathe
const root = document.getElementById("page");
const embedded = document.getElementById("bundle").textContent;
const logKey = document.querySelector("meta[name=ruxue-log-key]").content;
const state = {
  language: document.documentElement.lang.startsWith("en") ? "en" : "zh",
  large: false,
  step: null,
  done: null,
  code: "",
  trouble: false,
};
let run = 0;

const words = () => WORDS[state.language];

// An element with its attributes and children; texts are text, never HTML.
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(key, String(value));
  }
  made.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return made;
}

const breathe = () =>
  new Promise((resolve) => {
    setTimeout(resolve);
  });

// Reads and verifies; `input` is a text, bytes, or a promise of them. What can't even be read is said on the page.
async function start(input) {
  const mine = ++run,
    started = performance.now();
  Object.assign(state, { step: STEPS[0], share: null, done: null, code: "", trouble: false });
  render();
  await breathe();
  try {
    const work = verify(await input, { logKey });
    for (let next = { done: false }; !next.done;) {
      const until = performance.now() + SLICE;
      do next = work.next();
      while (!next.done && performance.now() < until);
      if (mine !== run) return;
      if (next.done) Object.assign(state, { step: null, done: next.value, took: performance.now() - started });
      else {
        if (next.value.code) state.step = next.value.code;
        state.share = next.value.share === undefined ? null : next.value.share;
        showProgress();
        await breathe();
      }
    }
  } catch (error) {
    console.error(error);
    Object.assign(state, { step: null, done: null, trouble: true });
  }
  render();
  const place = document.getElementById("verdict") || document.getElementById("main");
  place.focus();
}

const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());

function header() {
  const w = words();
  return el(
    "header",
    {},
    el(
      "div",
      { class: "inner" },
      el("strong", {}, w.brand),
      el(
        "button",
        {
          type: "button",
          id: "language",
          lang: state.language === "zh" ? "en" : "zh-CN",
          onclick: () => {
            state.language = state.language === "zh" ? "en" : "zh";
            render("language");
          },
        },
        w.other,
      ),
      el(
        "button",
        {
          type: "button",
          id: "larger",
          "aria-pressed": state.large,
          "aria-label": w.larger,
          onclick: () => {
            state.large = !state.large;
            render("larger");
          },
        },
        "A+",
      ),
    ),
  );
}

function opening() {
  const w = words();
  const picker = el("input", {
    type: "file",
    id: "file",
    "aria-label": w.choose,
    onchange: (e) => {
      if (e.target.files[0]) start(bytesOf(e.target.files[0]));
    },
  });
  const text = el("textarea", { id: "text", spellcheck: "false", autocomplete: "off" });
  const paste = el(
    "details",
    {},
    el("summary", {}, w.paste),
    el("label", { for: "text" }, w.pasteLabel),
    text,
    el(
      "p",
      {},
      el(
        "button",
        {
          type: "button",
          class: "btn",
          id: "check",
          onclick: () => {
            if (text.value.trim()) start(text.value);
          },
        },
        w.check,
      ),
    ),
  );
  const served = /^https?:$/.test(location.protocol);
  return el(
    "section",
    { class: "card no-print", "aria-labelledby": "open-title" },
    el("h2", { id: "open-title" }, state.done ? w.again : w.open),
    embedded && !state.done ? el("p", {}, w.carried) : el("p", {}, w.openHint),
    state.trouble && el("p", { class: "error", role: "alert" }, w.unreadable),
    el(
      "div",
      { class: "row" },
      el("span", { class: "pick" }, el("span", { class: "btn", "aria-hidden": "true" }, w.choose), picker),
      served && el("a", { class: "btn second", id: "save", href: `${location.pathname}?save`, download: true }, w.save),
    ),
    paste,
  );
}

function progress() {
  const w = words();
  return el(
    "section",
    { class: "card verdict", id: "verdict", tabindex: "-1", "data-state": "working" },
    el("h2", {}, `${w.working}…`),
    el("p", { id: "going" }),
    el("progress", { id: "bar", max: "100", "aria-label": w.working }),
  );
}

function showProgress() {
  const w = words(),
    bar = document.getElementById("bar"),
    place = STEPS.indexOf(state.step),
    name = w.step[state.step][0];
  const going = document.getElementById("going");
  if (going.textContent !== name) going.textContent = name;
  bar.value = 100 * ((place + (state.share || 0)) / STEPS.length);
}

const shortened = (text) => (text.length > 400 ? `${text.slice(0, 400)} …` : text);
const shown = (value, w) =>
  value === undefined ? w.nothing : typeof value === "object" ? JSON.stringify(value).slice(0, 120) : String(value);

function verdict() {
  const w = words(),
    { steps, bundle } = state.done,
    last = steps[steps.length - 1];
  const kind = last.ok ? "good" : last.code === "ledger_missing" ? "wait" : "bad";
  const head = {
    good: ["✓", w.allGood, w.allGoodText(bundle && bundle.manifest && bundle.manifest.title)],
    wait: ["!", w.soon, w.soonText],
    bad: ["✗", w.bad, w.badText],
  }[kind];
  const list = [];
  if (kind === "bad") {
    const place = placeSafely(last.field, bundle, w);
    list.push(
      [w.where, el("strong", {}, w.wrong[last.code](last.values))],
      [w.place, [place, " ", el("code", {}, last.field || "/")]],
    );
    if (last.code === "result")
      list.push(
        [w.published, el("code", {}, shown(last.values.published, w))],
        [w.found, el("code", {}, shown(last.values.found, w))],
      );
    else if (last.values.detail) list.push([w.found, el("code", {}, last.values.detail)]);
  }
  return el(
    "section",
    {
      class: `card verdict ${kind}`,
      id: "verdict",
      tabindex: "-1",
      "data-state": kind,
      "data-code": last.code,
      "data-field": last.field,
      "data-took": Math.round(state.took),
    },
    el("h2", {}, el("span", { class: "sign", "aria-hidden": "true" }, head[0]), el("span", {}, head[1])),
    el("p", {}, head[2]),
    kind !== "bad" &&
      el(
        "p",
        { class: "soft" },
        w.took(state.took < 100 ? (state.took / 1000).toFixed(2) : (state.took / 1000).toFixed(1)),
      ),
    list.length ? el("dl", {}, list.map(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]).flat()) : null,
  );
}

// Where the file is malformed the pointer may lead to what is not there.
function placeSafely(field, bundle, w) {
  try {
    return placeWords(field, bundle, w);
  } catch {
    return placeWords(field, null, w);
  }
}

const line = (name, value, time) => [
  el("dt", {}, name),
  el("dd", {}, el("span", { class: "hex" }, value), el("br"), el("span", { class: "soft" }, time)),
];
const hexLine = (name, value) => [el("dt", {}, name), el("dd", { class: "hex" }, value)];

// The rules as they stand in the manifest, with names in the page's language where there are some.
function ruleLines() {
  const { rules } = state.done.bundle.manifest,
    name = (key) => words().fields[key] || key;
  const told = (v) => {
    if (Array.isArray(v) && v.every((x) => typeof x === "string"))
      return v.map(name).join(words().and) || words().nothing;
    return v !== null && typeof v === "object" ? shortened(JSON.stringify(v)) : name(String(v));
  };
  return Object.keys(rules)
    .sort()
    .map((key) => [el("dt", {}, name(key)), el("dd", {}, told(rules[key]))])
    .flat();
}

function figures(step) {
  const w = words(),
    { bundle } = state.done;
  const open = (...inner) => el("details", {}, el("summary", {}, w.details), ...inner);
  if (step.code === "manifest") return open(el("dl", {}, hexLine(w.digest, step.values.digest), ruleLines()));
  if (step.code === "seed")
    return open(el("dl", {}, hexLine(w.seed, step.values.seed), bundle.beacon ? hexLine(w.beacon, bundle.beacon) : []));
  if (step.code === "ledger")
    return open(el("dl", {}, hexLine(w.key, step.values.key), hexLine(w.root, step.values.root)));
  if (step.code !== "commitments") return null;
  return open(
    bundle.manifest.witnesses
      .map(({ role }, i) => {
        const { value, time } = bundle.commitments[i],
          { secret, time: revealed } = bundle.reveals[i];
        return [el("h4", {}, role), el("dl", {}, line(w.commitment, value, time), line(w.secret, secret, revealed))];
      })
      .flat(),
  );
}

function stepList() {
  const w = words(),
    { steps } = state.done,
    last = steps[steps.length - 1];
  const stopped = last.ok ? STEPS.length : steps.length - 1;
  const items = STEPS.map((code, i) => {
    const step = i < stopped ? steps[i] : null,
      kind = step ? "good" : i === stopped ? "bad" : "rest",
      [name, text] = w.step[code];
    return el(
      "li",
      { class: kind, "data-step": code },
      el("span", { class: "sign", "aria-hidden": "true" }, { good: "✓", bad: "✗", rest: "–" }[kind]),
      el(
        "div",
        {},
        el(
          "div",
          { class: "head" },
          el("h3", {}, name),
          el("span", { class: "word" }, { good: w.yes, bad: w.no, rest: w.skipped }[kind]),
        ),
        step && el("p", {}, typeof text === "function" ? text(step.values) : text),
        kind === "bad" && el("p", {}, w.wrong[last.code](last.values)),
        step && figures(step),
      ),
    );
  });
  return el(
    "section",
    { class: "card", "aria-labelledby": "steps-title" },
    el("h2", { id: "steps-title" }, w.steps),
    el("ol", { class: "steps" }, items),
  );
}

function table(caption, heads, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((h) => el("th", { scope: "col" }, h)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((row) =>
          el(
            "tr",
            {},
            row.map((cell) => el("td", { class: /^[0-9a-f]{64}$/.test(cell) ? "hex wide" : null }, String(cell))),
          ),
        ),
      ),
    ),
  );
}

const codesList = (codes, mine) =>
  el(
    "ul",
    { class: "codes-list" },
    codes.map((code) =>
      el("li", { class: code === mine ? "me" : null, "aria-current": code === mine ? "true" : null }, code),
    ),
  );

// For each level how many a class has, from the fewest to the most; then the spread of the means.
function balanceTable(report) {
  const w = words(),
    range = (counts) => {
      const [least, most] = [Math.min(...counts), Math.max(...counts)];
      return least === most ? String(least) : `${least}–${most}`;
    };
  const rows = [[w.all, "", range(report.sizes)]];
  for (const [name, levels] of Object.entries(report.attributes))
    for (const [level, { counts }] of Object.entries(levels)) rows.push([w.fields[name] || name, level, range(counts)]);
  const means = Object.entries(report.ordered).map(([name, { mean_spread_hundredths: spread }]) =>
    el("p", {}, w.meanSpread(w.fields[name] || name, (spread / 100).toFixed(2))),
  );
  return el(
    "details",
    {},
    el("summary", {}, w.balance),
    table(w.balance, [w.what, w.level, w.inEachClass], rows),
    means,
  );
}

function resultCard() {
  const w = words(),
    {
      bundle: { manifest, result },
      outcome,
    } = state.done;
  const card = (...inner) =>
    el(
      "section",
      { class: "card", "aria-labelledby": "result-title" },
      el("h2", { id: "result-title" }, `${w.result} · ${manifest.title}`),
      ...inner,
    );
  if (manifest.kind === "teachers") {
    const rows = Object.entries(result.teams)
      .sort((a, b) => a[1] - b[1])
      .map(([team, number]) => [w.class(number), team]);
    return card(table(w.result, [w.classColumn, w.team], rows));
  }
  if (manifest.kind === "classes") {
    const rosters = Object.entries(result.classes).sort((a, b) => a[0] - b[0]);
    return card(
      balanceTable(result.report),
      rosters.map(([number, codes]) =>
        el("details", {}, el("summary", {}, `${w.class(number)} · ${w.pupils(codes.length)}`), codesList(codes)),
      ),
    );
  }
  const lists = Array.isArray(result.admitted) ? [["", result.admitted]] : Object.entries(result.admitted);
  return card(
    lists.map(([name, codes]) =>
      el(
        "details",
        {},
        el("summary", {}, [name, w.admittedCount(codes.length)].filter(Boolean).join(" · ")),
        codesList(codes),
      ),
    ),
    outcome.rounds.map(({ names, tickets }, i) =>
      el(
        "details",
        {},
        el("summary", {}, outcome.rounds.length > 1 ? `${w.queue} ${i + 1}` : w.queue),
        table(
          w.queue,
          ["", w.unit, w.ticket],
          names.map((name, n) => [n + 1, name, tickets.get(name)]),
        ),
      ),
    ),
  );
}

// What a family wants to know of its child: [the answer, further lines, codes beside it].
function childOf(code) {
  const w = words(),
    {
      bundle: { manifest, result },
      outcome,
    } = state.done;
  const entry = manifest.entries.find((e) => e.code === code);
  if (!entry) return null;
  const unit = entry.group === undefined ? code : entry.group,
    members = unitsOf(manifest.entries).get(unit),
    others = members.filter((c) => c !== code);
  const lines = [];
  if (manifest.kind === "classes") {
    const [number, codes] = Object.entries(result.classes).find(([, list]) => list.includes(code));
    if (others.length) lines.push(w.keptTogether(others.join(" ")));
    if (manifest.rules.placed) lines.push(has(manifest.rules.placed, code) ? w.stays : w.lateOne);
    return { answer: w.inClass(number), lines, codes, mine: code, beside: w.classmates(codes.length - 1) };
  }
  if (others.length) lines.push(w.withGroup(others.join(" ")));
  const lists = Array.isArray(result.admitted) ? [["", result.admitted]] : Object.entries(result.admitted);
  const won = lists.find(([, codes]) => codes.includes(code));
  outcome.rounds.forEach(({ names, tickets }, i) => {
    const place = names.indexOf(unit);
    if (place < 0) return;
    lines.push(outcome.rounds.length > 1 ? w.rankIn(i + 1, place + 1, names.length) : w.rank(place + 1, names.length), [
      w.ticket,
      tickets.get(unit),
    ]);
  });
  if (has(result, "interval")) {
    lines.push(w.number(manifest.entries.indexOf(entry) + 1));
    if (won) lines.push(w.drawnAs(result.admitted.indexOf(code) + 1));
  } else if (!won && !outcome.rounds.some((r) => r.names.includes(unit))) lines.push(w.noPart);
  else if (!won && manifest.rules.mode === undefined) lines.push(outcome.left.get(unit) > 0 ? w.notFits : w.seatsGone);
  return { answer: won ? (won[0] ? w.gotAt(won[0]) : w.got) : w.notGot, lines };
}

function showChild(box) {
  const w = words(),
    typed = state.code.trim();
  if (!typed) return box.replaceChildren();
  const found = childOf(typed) || childOf(typed.toUpperCase());
  if (!found) return box.replaceChildren(el("p", { class: "error" }, w.notIn(typed)));
  return box.replaceChildren(
    el(
      "div",
      { class: "child" },
      el("p", { class: "answer" }, found.answer),
      found.lines.map((line) =>
        Array.isArray(line) ? el("p", {}, `${line[0]} `, el("code", {}, line[1])) : el("p", {}, line),
      ),
      found.beside &&
        el("details", { open: true }, el("summary", {}, found.beside), codesList(found.codes, found.mine)),
    ),
  );
}

function finder() {
  const w = words(),
    box = el("div", { id: "child", role: "status" });
  const input = el("input", {
    type: "text",
    id: "code",
    class: "codes",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    value: state.code,
    "aria-describedby": "find-hint",
  });
  const look = (event) => {
    event.preventDefault();
    state.code = input.value;
    showChild(box);
  };
  const form = el(
    "form",
    { onsubmit: look },
    el(
      "div",
      { class: "row" },
      el("div", { class: "grow" }, el("label", { for: "code" }, w.code), input),
      el("button", { class: "btn", id: "look" }, w.look),
    ),
  );
  showChild(box);
  return el(
    "section",
    { class: "card", "aria-labelledby": "find-title" },
    el("h2", { id: "find-title" }, w.find),
    el("p", { id: "find-hint" }, w.findHint),
    form,
    box,
  );
}

function limits() {
  const w = words();
  return el(
    "section",
    { class: "card", "aria-labelledby": "limits-title" },
    el("h2", { id: "limits-title" }, w.limits),
    el(
      "ul",
      { class: "plain" },
      w.limitsText.map((t) => el("li", {}, t)),
    ),
  );
}

function render(focus) {
  const w = words();
  document.documentElement.lang = state.language === "zh" ? "zh-CN" : "en";
  document.documentElement.classList.toggle("large", state.large);
  document.title = w.title;
  const main = el("main", { id: "main", tabindex: "-1", class: "inner" }, el("h1", {}, w.title), el("p", {}, w.lead));
  if (state.step) main.append(progress());
  else if (state.done) {
    const { steps } = state.done,
      last = steps[steps.length - 1],
      fine = last.ok || last.code === "ledger_missing";
    main.append(verdict());
    if (fine && state.done.bundle.manifest.kind !== "teachers") main.append(finder());
    main.append(stepList());
    if (fine) main.append(resultCard());
  }
  main.append(opening(), limits());
  root.replaceChildren(el("a", { class: "skip", href: "#main" }, w.skip), header(), main);
  if (state.step) showProgress();
  if (focus) document.getElementById(focus).focus();
}

render();
if (embedded) start(embedded);
