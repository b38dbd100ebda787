// The log's tree (RFC 9162, section 2.1): from a leaf to the root.
import { toBytes } from "../protocol.js";
import { sha256 } from "../sha256.js";

const join = (first, ...parts) => {
  const out = new Uint8Array(1 + parts.reduce((n, p) => n + p.length, 0));
  out[0] = first;
  let at = 1;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};
export const leafHash = (text) => sha256(join(0, toBytes(text)));
export const nodeHash = (left, right) => sha256(join(1, left, right));

// The root that a path from leaf `index` of `size` leads to; null where the path has another length.
export function rootFrom(leaf, index, size, path) {
  if (!(index >= 0 && index < size)) return null;
  // Whether a sibling stands left (true) or right, from the leaf up, as the tree's shape says.
  const sides = [];
  for (let low = 0, high = size, i = index; high - low > 1;) {
    let half = 1;
    while (half * 2 < high - low) half *= 2;
    const right = i >= low + half;
    sides.unshift(right);
    if (right) low += half;
    else high = low + half;
  }
  if (sides.length !== path.length) return null;
  return path.reduce((node, sibling, i) => (sides[i] ? nodeHash(sibling, node) : nodeHash(node, sibling)), leaf);
}
