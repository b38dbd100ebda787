// A bundle recomputed step by step, from docs/draw-protocol.md and docs/class-assignment.md; never asks a network.
import { commitmentOf, digestOfValue, seedOf } from "./chance.js";
import { classes } from "./classes.js";
import { verifySignature } from "./ed25519.js";
import { checkForm, moment } from "./form.js";
import { canonical, decode, firstDifference, FormError, has, pointer, read } from "./json.js";
import { lottery } from "./lottery.js";
import { leafHash, rootFrom } from "./merkle.js";
import { fromHex, toBytes, toHex } from "../protocol.js";
import { Refused } from "./rules.js";
import { teachers } from "./teachers.js";

export const STEPS = ["form", "manifest", "commitments", "seed", "result", "ledger"];

class Differs extends Error {
  constructor(code, field, values = {}) {
    super(`${code} ${field}`);
    this.step = { ok: false, code, field, values };
  }
}

function* rowFields(bundle, part) {
  for (const [i, row] of bundle[part].entries()) for (const key of Object.keys(row)) yield [[part, i, key], row[key]];
}

// What `parts` of a log's entry must hold: the beginning of the digest of every part, so that a changed one can be named.
export function partsOf(bundle) {
  const parts = {},
    put = (path, value) => {
      parts[pointer(path)] = digestOfValue(value).slice(0, 16);
    };
  for (const [key, value] of Object.entries(bundle.manifest)) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) put(["manifest", key], value);
    else for (const [inner, v] of Object.entries(value)) put(["manifest", key, inner], v);
  }
  for (const part of ["commitments", "reveals"]) for (const [path, value] of rowFields(bundle, part)) put(path, value);
  for (const part of ["beacon", "seed", "result"]) if (has(bundle, part)) put([part], bundle[part]);
  parts["/manifest/entries/*"] = bundle.manifest.entries.map((entry) => digestOfValue(entry).slice(0, 4)).join("");
  return parts;
}

// Pointer of the first part that is not what the log's entry says of it; "" where the entry can't tell.
function changedPart(bundle) {
  const said = bundle.ledger && bundle.ledger.entry.parts;
  if (!said) return "";
  const found = partsOf(bundle),
    list = "/manifest/entries/*";
  const one = typeof said[list] === "string" && said[list].length === found[list].length;
  for (let i = 0; one && i < bundle.manifest.entries.length; i++) {
    if (said[list].slice(4 * i, 4 * i + 4) !== found[list].slice(4 * i, 4 * i + 4))
      return pointer(["manifest", "entries", i]);
  }
  const changed = [...new Set([...Object.keys(said), ...Object.keys(found)])]
    .sort()
    .find((key) => said[key] !== found[key]);
  return changed ? changed.replace("/*", "") : "";
}

function checkWitnesses(bundle, digest) {
  const { manifest, commitments, reveals } = bundle;
  for (const part of ["commitments", "reveals"]) {
    if (bundle[part].length !== manifest.witnesses.length)
      throw new Differs(part, changedPart(bundle) || `/${part}`, { what: "witness" });
    manifest.witnesses.forEach(({ id }, i) => {
      if (bundle[part][i].witness !== id)
        throw new Differs(part, changedPart(bundle) || pointer([part, i, "witness"]), { what: "witness" });
    });
  }
  const last = Math.max(...commitments.map((row) => moment(row.time)));
  manifest.witnesses.forEach(({ id, role }, i) => {
    if (moment(reveals[i].time) < last)
      throw new Differs("time", changedPart(bundle) || pointer(["reveals", i, "time"]), { role });
    if (commitmentOf(digest, id, reveals[i].secret) !== commitments[i].value) {
      throw new Differs("commitments", changedPart(bundle) || pointer(["commitments", i, "value"]), {
        what: "value",
        role,
      });
    }
  });
}

// {result, …} that manifest and seed determine; yields while it works. Throws Refused for rules that can't be carried out.
export function* recompute(manifest, seed) {
  if (manifest.kind === "lottery") return lottery(manifest, seed);
  if (manifest.kind === "teachers") return teachers(manifest, seed);
  return yield* classes(manifest, seed);
}

const at = (value, path) =>
  path
    .split("/")
    .slice(1)
    .reduce(
      (v, key) => (v && typeof v === "object" ? v[key.replace(/~1/g, "/").replace(/~0/g, "~")] : undefined),
      value,
    );

function checkLedger(bundle, logKey) {
  const { ledger, ...rest } = bundle;
  const { entry, index, size, root, proof } = ledger,
    fail = (key, what) => {
      throw new Differs("ledger", key, { what });
    };
  const changed = changedPart(bundle);
  if (entry.digest !== digestOfValue(rest)) fail(changed || "/ledger/entry/digest", "other");
  if (changed) fail("/ledger/entry/parts", "other");
  const signed = verifySignature(
    fromHex(ledger.public_key),
    toBytes(`ruxue-head/1 ${size} ${root}`),
    fromHex(ledger.signature),
  );
  const reached = rootFrom(leafHash(canonical(entry)), index, size, proof.map(fromHex));
  if (!signed) fail("/ledger/signature", "signature");
  if (index >= size) fail("/ledger/index", "proof");
  if (!reached || toHex(reached) !== root) fail("/ledger/proof", "proof");
  if (logKey && logKey !== ledger.public_key) throw new Differs("key", "/ledger/public_key");
}

// Yields while it works ({code} of the step that goes on); returns {steps, bundle, outcome}. Each step is
// {ok, code, field, values}; the first that is not ok is the last. `logKey` (hex): the key that the log is known to have.
export function* verify(input, { logKey = "" } = {}) {
  const steps = [],
    fine = (code, values) => steps.push({ ok: true, code, field: "", values });
  let bundle = null,
    outcome = null;
  try {
    yield { code: "form" };
    bundle = read(typeof input === "string" ? input : decode(input));
    checkForm(bundle);
    fine("form", {});
    yield { code: "manifest" };
    const { manifest } = bundle,
      digest = digestOfValue(manifest);
    fine("manifest", { digest, entries: manifest.entries.length });
    yield { code: "commitments" };
    checkWitnesses(bundle, digest);
    fine("commitments", { witnesses: manifest.witnesses.length });
    yield { code: "seed" };
    if (has(bundle, "beacon") !== has(manifest, "beacon"))
      throw new Differs("beacon", changedPart(bundle) || (has(bundle, "beacon") ? "/beacon" : "/manifest/beacon"));
    const seed = seedOf(
      digest,
      bundle.reveals.map((row) => row.secret),
      bundle.beacon,
    );
    if (toHex(seed) !== bundle.seed) throw new Differs("seed", changedPart(bundle) || "/seed");
    fine("seed", { seed: bundle.seed });
    yield { code: "result" };
    try {
      outcome = yield* recompute(manifest, seed);
    } catch (error) {
      if (error instanceof Refused)
        throw new Differs("rules", pointer(["manifest", "rules", error.rule].filter(Boolean)), {
          detail: error.detail,
        });
      if (error instanceof TypeError || error instanceof RangeError) throw new Differs("rules", "/manifest/rules"); // rules of a wrong kind
      throw error;
    }
    const place = firstDifference(bundle.result, outcome.result, ["result"]);
    if (place !== null)
      throw new Differs("result", place, {
        published: at(bundle, place),
        found: at({ result: outcome.result }, place),
      });
    fine("result", {});
    yield { code: "ledger" };
    if (!has(bundle, "ledger")) throw new Differs("ledger_missing", "/ledger");
    checkLedger(bundle, logKey);
    fine("ledger", {
      index: bundle.ledger.index,
      root: bundle.ledger.root,
      key: bundle.ledger.public_key,
      known: Boolean(logKey),
    });
  } catch (error) {
    if (error instanceof Differs) steps.push(error.step);
    else if (error instanceof FormError)
      steps.push({ ok: false, code: "form", field: error.field, values: { what: error.what, detail: error.detail } });
    else throw error;
  }
  return { steps, bundle, outcome };
}

function finish(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

// The same without pauses, for tests and programs.
export const verifyAtOnce = (input, options) => finish(verify(input, options));
export const recomputeAtOnce = (manifest, seed) => finish(recompute(manifest, seed));
