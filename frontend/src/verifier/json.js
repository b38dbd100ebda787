// Canonical JSON (RFC 8785, integers only) and its strict reader: a text that says the same in another spelling is refused.
export class FormError extends Error {
  // what: a code of words.js; field: JSON pointer of the value at which reading stopped
  constructor(what, field = "", detail = "") {
    super(`${what} at ${field || "the file"} ${detail}`);
    this.what = what;
    this.field = field;
    this.detail = detail;
  }
}

export const pointer = (path) => path.map((p) => `/${String(p).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
export const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);
const DEPTH = 32;
const LONE = /\p{Surrogate}/u;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;

export function canonical(value) {
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === "string") {
    if (LONE.test(value)) throw new FormError("surrogate");
    return JSON.stringify(value);
  }
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new FormError("number");
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  return `{${Object.keys(value)
    .sort()
    .map((k) => `${canonical(k)}:${canonical(value[k])}`)
    .join(",")}}`;
}

// The value of a text in canonical spelling; only white space between its tokens is free. Throws FormError with the place.
export function read(text) {
  let at = 0;
  const path = [];
  const fail = (what, detail) => {
    throw new FormError(what, pointer(path), detail);
  };
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found && found[0];
  };
  const space = () => match(SPACE);
  const take = (sign) => {
    if (text[at] !== sign) fail("syntax", `${text[at] === undefined ? "" : text[at]}`);
    at++;
  };

  function string() {
    const raw = match(TEXT);
    if (raw === null) fail("syntax", text.slice(at, at + 12));
    const value = JSON.parse(raw);
    if (LONE.test(value)) fail("surrogate");
    if (JSON.stringify(value) !== raw) fail("spelling", raw.slice(0, 40));
    return value;
  }

  function list() {
    const out = [];
    at++;
    space();
    if (text[at] === "]") {
      at++;
      return out;
    }
    for (;;) {
      path.push(out.length);
      out.push(value());
      path.pop();
      if (text[at] === "]") {
        at++;
        return out;
      }
      take(",");
    }
  }

  function object() {
    const out = Object.create(null);
    let before = null;
    at++;
    space();
    if (text[at] === "}") {
      at++;
      return out;
    }
    for (;;) {
      space();
      const key = string();
      path.push(key);
      if (before === key) fail("twice", key);
      if (before !== null && before > key) fail("unsorted", key);
      before = key;
      space();
      take(":");
      out[key] = value();
      path.pop();
      if (text[at] === "}") {
        at++;
        return out;
      }
      take(",");
    }
  }

  function value() {
    space();
    let out;
    const sign = text[at];
    if (path.length > DEPTH) fail("syntax", "…");
    if (sign === "{") out = object();
    else if (sign === "[") out = list();
    else if (sign === '"') out = string();
    else if (text.startsWith("true", at)) {
      out = true;
      at += 4;
    } else if (text.startsWith("false", at)) {
      out = false;
      at += 5;
    } else if (text.startsWith("null", at)) {
      out = null;
      at += 4;
    } else {
      const raw = match(NUMBER);
      if (raw === null) fail("syntax", text.slice(at, at + 12));
      out = Number(raw);
      if (!Number.isSafeInteger(out)) fail("number", raw);
      if (String(out) !== raw) fail("spelling", raw);
    }
    space();
    return out;
  }

  const out = value();
  if (at < text.length) fail("syntax", text.slice(at, at + 12));
  return out;
}

// The text of UTF-8 bytes; no replacement characters, no byte order mark. Throws FormError with the place.
export function decode(bytes) {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const back = new TextEncoder().encode(text);
  if (back.length === bytes.length && back.every((b, i) => b === bytes[i])) return text;
  const wrong = back.findIndex((b, i) => b !== bytes[i]);
  const before = new TextDecoder().decode(back.subarray(0, wrong)).replace(/\ufffd$/, "");
  throw new FormError("utf8", placeAt(before), String(wrong));
}

// JSON pointer of the value at which a text that breaks off stands.
export function placeAt(text) {
  const stack = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[{}[\],:]/g)) {
    const top = stack[stack.length - 1];
    if (token === "{") stack.push({ key: null, open: true });
    else if (token === "[") stack.push({ key: 0, open: false });
    else if (token === "}" || token === "]") stack.pop();
    else if (top && token === ",") {
      if (typeof top.key === "number") top.key++;
      else {
        top.open = true;
        top.key = null;
      }
    } else if (top && token[0] === '"' && top.open) {
      top.open = false;
      try {
        top.key = JSON.parse(token);
      } catch {
        top.key = null;
      }
    }
  }
  return pointer(stack.map((s) => s.key).filter((k) => k !== null));
}

// Pointer of the first value in which two differ, or null: keys in their order, then lists from their beginning.
export function firstDifference(one, other, path = []) {
  const plain = (v) => v === null || typeof v !== "object";
  if (plain(one) || plain(other) || Array.isArray(one) !== Array.isArray(other))
    return one === other ? null : pointer(path);
  if (Array.isArray(one)) {
    for (let i = 0; i < Math.max(one.length, other.length); i++) {
      if (i >= one.length || i >= other.length) return pointer([...path, i]);
      const found = firstDifference(one[i], other[i], [...path, i]);
      if (found !== null) return found;
    }
    return null;
  }
  for (const key of [...new Set([...Object.keys(one), ...Object.keys(other)])].sort()) {
    if (!has(one, key) || !has(other, key)) return pointer([...path, key]);
    const found = firstDifference(one[key], other[key], [...path, key]);
    if (found !== null) return found;
  }
  return null;
}
