// ruxue-draw/1 as far as a witness needs it; written from docs/draw-protocol.md.
import { sha256 } from "./sha256.js";

export const toHex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

export function taggedHash(tag, ...parts) {
  const all = [new TextEncoder().encode(tag), ...parts];
  const out = new Uint8Array(all.reduce((n, p) => n + 4 + p.length, 0));
  let at = 0;
  for (const part of all) {
    new DataView(out.buffer).setUint32(at, part.length);
    out.set(part, at + 4);
    at += 4 + part.length;
  }
  return sha256(out);
}

export const commitment = (digest, witness, secret) => taggedHash("ruxue-draw/1 commit", digest, new TextEncoder().encode(witness), secret);
