// Pages of a ceremony: they follow the draw by themselves, and survive a lost connection, a reload and a restarted
// server. A witness's secret is made here, from typed words and the phone's own randomness, and stays on this phone
// until it is revealed.
import { start, storage } from "./common.js";
import { digestOf, fitsCommitment, fromHex, makeSecret, commitmentFrame, toHex } from "./protocol.js";
import "./witness.css";

const PAUSE = 2000; // ms between looks at the server
const RETRY = 700; // ms until a step that found no server is sent again
start();
const kept = storage("localStorage");
const keyOf = (e) => `witness:${e.dataset.digest}:${e.dataset.code}`;
const wait = (ms) =>
  new Promise((done) => {
    setTimeout(done, ms);
  });
const live = () => document.getElementById("live");
const offline = (is) => {
  const note = document.getElementById("offline");
  if (note) note.hidden = !is;
};
let sending = false;

// What has been typed survives when the page renews itself under it.
function renew(fresh) {
  const old = live(),
    active = document.activeElement;
  const typed = new Map([...old.querySelectorAll("input[id], textarea[id], select[id]")].map((f) => [f.id, f.value]));
  const opened = [...old.querySelectorAll("details")].map((d) => d.open);
  const focus =
    old.contains(active) && active.id ? { id: active.id, from: active.selectionStart, to: active.selectionEnd } : null;
  old.replaceWith(fresh);
  for (const [id, value] of typed) {
    const field = fresh.querySelector(`#${CSS.escape(id)}`);
    if (field && value) field.value = value;
  }
  fresh.querySelectorAll("details").forEach((d, i) => {
    d.open = opened[i] || d.open;
  });
  const field = focus && fresh.querySelector(`#${CSS.escape(focus.id)}`);
  if (field) {
    field.focus({ preventScroll: true });
    if (field.setSelectionRange && focus.from !== null)
      try {
        field.setSelectionRange(focus.from, focus.to);
      } catch {
        /* not a text */
      }
  }
  prepare();
}

const parse = (html) => new DOMParser().parseFromString(html, "text/html").getElementById("live");

// A step that is sent again does no harm: the server takes each once. So an answer that got lost is asked for anew.
async function send(form, submitter) {
  const body = new FormData(form);
  if (submitter?.name) body.set(submitter.name, submitter.value);
  for (;;) {
    try {
      const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
      if (answer.status < 500) {
        offline(false);
        return {
          url: answer.url,
          moved: answer.redirected && new URL(answer.url).pathname !== location.pathname,
          fresh: parse(await answer.text()),
        };
      }
    } catch {
      /* no connection: try again */
    }
    offline(true);
    await wait(RETRY);
  }
}

async function fill(form) {
  const key = keyOf(form);
  if (form.dataset.witness === "commit") {
    const secret = kept?.getItem(key) || (await makeSecret(form.querySelector("textarea")?.value || ""));
    kept?.setItem(key, secret);
    // A phone that can't keep the secret must not commit to it.
    if (kept?.getItem(key) !== secret) return false;
    form.elements.value.value = toHex(
      await digestOf(commitmentFrame(fromHex(form.dataset.digest), form.dataset.code, fromHex(secret))),
    );
    return true;
  }
  const typed = form.querySelector("#secret")?.value.trim().toLowerCase();
  const secret = typed || kept?.getItem(key) || "";
  // A typed secret is sent even where it is wrong, so that the refusal is public; an empty one is not.
  if (!typed && !(await fitsCommitment(form.dataset.digest, form.dataset.code, secret, form.dataset.commitment)))
    return false;
  form.elements.secret.value = secret;
  return true;
}

async function submit(form, submitter) {
  if (sending) return;
  sending = true;
  let answer;
  try {
    if (form.dataset.witness && !(await fill(form))) {
      form.querySelectorAll("[data-missing]").forEach((e) => {
        e.hidden = false;
        e.setAttribute("role", "alert");
      });
      return;
    }
    answer = await send(form, submitter);
  } finally {
    sending = false;
  }
  // Another page may follow, such as the witness's own after joining.
  if (answer.moved || !answer.fresh) location.assign(answer.url);
  else renew(answer.fresh);
}

document.addEventListener("submit", (e) => {
  if (!e.target.matches?.("form[data-send]")) {
    sending = true;
    return;
  }
  e.preventDefault();
  submit(e.target, e.submitter);
});

function prepare() {
  document.querySelectorAll("[data-secret]").forEach((e) => {
    e.textContent = kept?.getItem(keyOf(e)) || "";
  });
  // Once revealed, the secret is public and the phone forgets it.
  document
    .querySelectorAll("[data-witness-done]")
    .forEach((e) => kept?.removeItem(`witness:${e.dataset.digest}:${e.dataset.witnessDone}`));
  for (const form of document.querySelectorAll("form[data-witness=reveal]")) {
    const held = kept?.getItem(keyOf(form));
    if (!held)
      form.querySelectorAll("[data-missing]").forEach((e) => {
        e.hidden = false;
      });
  }
  document.querySelectorAll("form[data-auto]").forEach((form) => submit(form));
  document.querySelectorAll("[data-unfold]").forEach(unfold);
}

// The draw unfolds once on each wall: one pupil a class and step, nothing moves or blinks. Then all of it stands.
async function unfold(area) {
  const seen = storage("sessionStorage"),
    name = `unfolded:${area.dataset.unfold}`;
  if (seen?.getItem(name) || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  seen?.setItem(name, "yes");
  const tiles = [...area.querySelectorAll(".tile")];
  const rows = tiles.length ? tiles.map((t) => [...t.querySelectorAll("li")]) : [...area.children].map((li) => [li]);
  const counts = tiles.map((t) => t.querySelector("[data-count]"));
  const steps = tiles.length ? Math.max(...rows.map((r) => r.length)) : rows.length;
  const pause = Math.min(900, 30_000 / steps);
  rows.flat().forEach((li) => li.classList.add("to-come"));
  counts.forEach((c) => {
    c.textContent = "0";
  });
  for (let i = 0; i < steps; i++) {
    await wait(pause);
    rows.forEach((row, n) => {
      const li = tiles.length ? row[i] : n === i && row[0];
      if (!li) return;
      li.classList.remove("to-come");
      if (counts[n]) counts[n].textContent = String(i + 1);
    });
  }
}

async function follow() {
  for (;;) {
    await wait(PAUSE * (0.8 + Math.random() * 0.4)); // a hall of phones must not ask all at once
    const area = live();
    if (!area || document.hidden) continue;
    try {
      const pulse = await fetch(area.dataset.pulse, { cache: "no-store" });
      if (!pulse.ok) throw new Error(String(pulse.status));
      offline(false);
      if ((await pulse.json())[area.dataset.live] === area.dataset.version || sending) continue;
      const page = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
      if (page.status === 404) location.reload(); // the place was freed: its page is gone
      const fresh = page.ok && parse(await page.text());
      if (fresh && !sending && live() === area) {
        if (page.redirected && new URL(page.url).pathname !== location.pathname) location.assign(page.url);
        else renew(fresh);
      }
    } catch {
      offline(true);
    }
  }
}

if (live()) {
  prepare();
  follow();
}
// The phone's other pages wake up with news.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && live()) prepare();
});
