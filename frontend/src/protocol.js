// ruxue-draw/1 as far as a witness needs it.
import { sha256 } from "./sha256.js";

const PAIRS = Array.from({ length: 256 }, (_, b) => b.toString(16).padStart(2, "0"));
const encoder = new TextEncoder();

export function toHex(bytes) {
  let out = "";
  for (const b of bytes) out += PAIRS[b];
  return out;
}
export const toBytes = (text) => encoder.encode(text);

export function fromHex(text) {
  const hex = text.trim().toLowerCase();
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Error("not hexadecimal");
  return Uint8Array.from(hex.match(/../g) || [], (b) => parseInt(b, 16));
}

// What H(tag, p1, …) hashes: each part preceded by its length as a 4-byte big-endian integer.
export function framed(tag, ...parts) {
  const all = [toBytes(tag), ...parts];
  const out = new Uint8Array(all.reduce((n, p) => n + 4 + p.length, 0));
  let at = 0;
  for (const part of all) {
    new DataView(out.buffer).setUint32(at, part.length);
    out.set(part, at + 4);
    at += 4 + part.length;
  }
  return out;
}

export const taggedHash = (tag, ...parts) => sha256(framed(tag, ...parts));
export const commitmentFrame = (digest, witness, secret) =>
  framed("ruxue-draw/1 commit", digest, toBytes(witness), secret);
export const commitment = (digest, witness, secret) => sha256(commitmentFrame(digest, witness, secret));
export const secretFrame = (noise, words) => framed("ruxue-draw/1 witness secret", noise, toBytes(words));

// The browser's own SHA-256 where there is one; school halls often run plain http, where there is none.
export async function digestOf(bytes) {
  const subtle = globalThis.crypto?.subtle;
  return subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256(bytes);
}

// A secret of 32 bytes: typed words mixed with the device's randomness, so that neither alone decides it.
export async function makeSecret(words) {
  const noise = crypto.getRandomValues(new Uint8Array(32));
  return toHex(await digestOf(secretFrame(noise, words)));
}

// Whether a secret (hex) is the one that was committed to; a device that lost it must not try another.
export async function fitsCommitment(digest, witness, secret, value) {
  if (!/^([0-9a-f]{2}){16,}$/.test(secret)) return false;
  return toHex(await digestOf(commitmentFrame(fromHex(digest), witness, fromHex(secret)))) === value;
}
