// Where the chance of ruxue-draw/1 comes from: digest, commitments, seed, tickets and streams.
import { commitment, fromHex, taggedHash, toBytes, toHex } from "../protocol.js";
import { sha256 } from "../sha256.js";
import { canonical } from "./json.js";

export const digestOfValue = (value) => toHex(sha256(toBytes(canonical(value))));
export const commitmentOf = (digest, witness, secret) => toHex(commitment(fromHex(digest), witness, fromHex(secret)));

export function seedOf(digest, secrets, beacon) {
  const last = beacon === undefined ? [] : [toBytes(beacon)];
  return taggedHash("ruxue-draw/1 seed", fromHex(digest), ...secrets.map(fromHex), ...last);
}

// HMAC-SHA-256 with one key.
function keyed(key) {
  const pad = (byte) => Uint8Array.from({ length: 64 }, (_, i) => (key[i] || 0) ^ byte);
  const inner = pad(0x36),
    outer = pad(0x5c);
  const joined = (first, second) => {
    const out = new Uint8Array(first.length + second.length);
    out.set(first);
    out.set(second, first.length);
    return out;
  };
  return (message) => sha256(joined(outer, sha256(joined(inner, message))));
}

// Names ranked by their tickets; `choice` asks for the fresh tickets of that choice. Returns {names, tickets: name -> hex}.
export function ranked(names, seed, choice) {
  const mac = keyed(seed),
    tickets = new Map(),
    order = [...names];
  for (const name of order)
    tickets.set(name, toHex(mac(toBytes(`ruxue-draw/1 ticket\0${choice ? `${name}/${choice}` : name}`))));
  order.sort((a, b) => (tickets.get(a) < tickets.get(b) ? -1 : 1));
  return { names: order, tickets };
}

export class Stream {
  constructor(seed, label) {
    this.mac = keyed(seed);
    this.message = toBytes(`ruxue-draw/1 stream\0${label}\0${"\0".repeat(8)}`);
    this.counter = 0;
    this.next = 32;
  }

  // The next integer as its two halves, each of 32 bits.
  halves() {
    if (this.next === 32) {
      const view = new DataView(this.message.buffer);
      view.setUint32(this.message.length - 8, Math.floor(this.counter / 2 ** 32));
      view.setUint32(this.message.length - 4, this.counter >>> 0);
      this.block = new DataView(this.mac(this.message).buffer);
      this.counter++;
      this.next = 0;
    }
    const pair = [this.block.getUint32(this.next), this.block.getUint32(this.next + 4)];
    this.next += 8;
    return pair;
  }

  // Uniform in 0 … n-1, for n up to 2^21 so that doubles hold all products.
  below(n) {
    if (!(n >= 1 && n <= 2 ** 21)) throw new RangeError(`no uniform integer below ${n}`);
    const remainder = (2 ** 32 % n) ** 2 % n; // 2^64 mod n
    for (;;) {
      const [high, low] = this.halves();
      if (high < 0xffffffff || low < 2 ** 32 - remainder) return ((high % n) * 2 ** 32 + low) % n;
    }
  }

  shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}

// Code points, not UTF-16 units: the order of texts in the protocol.
export function byCodePoint(a, b) {
  const one = Array.from(a),
    other = Array.from(b);
  for (let i = 0; i < one.length && i < other.length; i++) {
    if (one[i] !== other[i]) return one[i].codePointAt(0) - other[i].codePointAt(0);
  }
  return one.length - other.length;
}
