// The form of a bundle: which parts it has and what stands in them, before anything is computed.
import { byCodePoint } from "./chance.js";
import { FormError, has, pointer } from "./json.js";

const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
const isName = (v) => typeof v === "string" && v !== "";
const hex =
  (least, most = least) =>
  (v) =>
    typeof v === "string" && v.length >= 2 * least && v.length <= 2 * most && /^([0-9a-f]{2})*$/.test(v);
const isCount = (v) => Number.isSafeInteger(v) && v >= 0;
const TIME = /^(19[7-9]\d|2[01]\d\d)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d):(\d\d))$/;

// Microseconds since 1970 of a time with its zone, such as 2026-08-20T09:00:00+08:00; null where the text is no such time.
export function moment(text) {
  const found = typeof text === "string" && TIME.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const [, , , , , , , fraction = "", sign = "+", hours = 0, minutes = 0] = found;
  const start = Date.UTC(year, month - 1, day, hour, minute, second);
  const made = new Date(start).toISOString().slice(0, 19);
  if (made !== text.slice(0, 19) || Number(hours) > 23 || Number(minutes) > 59) return null;
  const east = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return (start - east * 60_000) * 1000 + Number(fraction.padEnd(6, "0"));
}

const need = (fine, path, what = "kind") => {
  if (!fine) throw new FormError(what, pointer(path));
};

function exactly(object, path, needed, optional = []) {
  need(isObject(object), path);
  for (const key of needed) need(has(object, key), [...path, key], "missing");
  for (const key of Object.keys(object).sort())
    need(needed.includes(key) || optional.includes(key), [...path, key], "unknown");
}

function manifestForm(manifest) {
  const at = (...rest) => ["manifest", ...rest];
  need(isObject(manifest), at());
  for (const key of ["protocol", "kind", "id", "title", "rules", "witnesses", "entries"])
    need(has(manifest, key), at(key), "missing");
  need(manifest.protocol === "ruxue-draw/1", at("protocol"));
  need(["lottery", "classes", "teachers"].includes(manifest.kind), at("kind"));
  need(isName(manifest.id), at("id"));
  need(isName(manifest.title), at("title"));
  need(isObject(manifest.rules), at("rules"));
  need(Array.isArray(manifest.witnesses) && manifest.witnesses.length, at("witnesses"));
  const seen = new Set();
  manifest.witnesses.forEach((witness, i) => {
    need(isObject(witness), at("witnesses", i));
    need(isName(witness.id) && !seen.has(witness.id), at("witnesses", i, "id"));
    need(isName(witness.role), at("witnesses", i, "role"));
    seen.add(witness.id);
  });
  need(Array.isArray(manifest.entries) && manifest.entries.length, at("entries"));
  const codes = new Set();
  manifest.entries.forEach((entry, i) => {
    need(isObject(entry), at("entries", i));
    need(isName(entry.code), at("entries", i, "code"));
    need(!i || byCodePoint(manifest.entries[i - 1].code, entry.code) < 0, at("entries", i, "code"), "unsorted");
    codes.add(entry.code);
  });
  manifest.entries.forEach((entry, i) => {
    if (has(entry, "group")) need(isName(entry.group) && !codes.has(entry.group), at("entries", i, "group"));
  });
  if (has(manifest, "beacon")) {
    exactly(manifest.beacon, at("beacon"), ["source", "round"]);
    for (const key of ["source", "round"]) need(isName(manifest.beacon[key]), at("beacon", key));
  }
}

function rowsForm(rows, part, secret, fits) {
  need(Array.isArray(rows), [part]);
  rows.forEach((row, i) => {
    exactly(row, [part, i], ["witness", secret, "time"]);
    need(isName(row.witness), [part, i, "witness"]);
    need(fits(row[secret]), [part, i, secret]);
    need(moment(row.time) !== null, [part, i, "time"]);
  });
}

function ledgerForm(ledger) {
  exactly(ledger, ["ledger"], ["entry", "index", "size", "root", "proof", "signature", "public_key"]);
  const at = (key, ...rest) => ["ledger", key, ...rest];
  need(isObject(ledger.entry), at("entry"));
  need(hex(32)(ledger.entry.digest), at("entry", "digest"));
  if (has(ledger.entry, "parts")) {
    need(isObject(ledger.entry.parts), at("entry", "parts"));
    for (const key of Object.keys(ledger.entry.parts).sort())
      need(typeof ledger.entry.parts[key] === "string", at("entry", "parts", key));
  }
  need(isCount(ledger.index), at("index"));
  need(isCount(ledger.size), at("size"));
  need(hex(32)(ledger.root), at("root"));
  need(Array.isArray(ledger.proof), at("proof"));
  ledger.proof.forEach((node, i) => need(hex(32)(node), at("proof", i)));
  need(hex(64)(ledger.signature), at("signature"));
  need(hex(32)(ledger.public_key), at("public_key"));
}

// Throws FormError with the place of the first part that is missing, unknown or of another kind.
export function checkForm(bundle) {
  exactly(bundle, [], ["manifest", "commitments", "reveals", "seed", "result"], ["beacon", "ledger"]);
  manifestForm(bundle.manifest);
  rowsForm(bundle.commitments, "commitments", "value", hex(32));
  rowsForm(bundle.reveals, "reveals", "secret", hex(16, 1024));
  if (has(bundle, "beacon")) need(isName(bundle.beacon), ["beacon"]);
  need(hex(32)(bundle.seed), ["seed"]);
  need(isObject(bundle.result), ["result"]);
  if (has(bundle, "ledger")) ledgerForm(bundle.ledger);
}
