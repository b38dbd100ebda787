import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { judge, problem } from "../src/picture.js";
import { commitment, toHex } from "../src/protocol.js";
import { sha256 } from "../src/sha256.js";

test("SHA-256 agrees with Node's for every length around the block size", () => {
  for (let n = 0; n < 200; n++) {
    const bytes = new Uint8Array(randomBytes(n));
    assert.equal(toHex(sha256(bytes)), createHash("sha256").update(bytes).digest("hex"));
  }
});

test("the commitment of the protocol's first witness", () => {
  const digest = Uint8Array.from(Buffer.from("e4b1ee525196c8e9de1730881215af7e8856a981e6e53cf976b0d5af0b28baa2", "hex"));
  const value = toHex(commitment(digest, "parent", new TextEncoder().encode("first secret 0001")));
  assert.equal(value, "79f53c26c26513a46bd0565b47e7e904f192f69aa4dd7e063b37f4c7d2020015");
});

test("dark and blurred pictures are told", () => {
  const picture = (value) => Uint8ClampedArray.from({ length: 40 * 40 * 4 }, (_, i) => value(Math.floor(i / 4)));
  assert.equal(problem(judge(picture(() => 20), 40, 40)), "dark");
  assert.equal(problem(judge(picture(() => 200), 40, 40)), "blurred");
  assert.equal(problem(judge(picture((i) => (i % 7 < 3 ? 30 : 240)), 40, 40)), "");
});
