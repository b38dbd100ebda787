import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import {
  commitment,
  commitmentFrame,
  digestOf,
  fitsCommitment,
  framed,
  fromHex,
  makeSecret,
  secretFrame,
  toBytes,
  toHex,
} from "../src/protocol.js";
import { sha256 } from "../src/sha256.js";

const DIGEST = "e4b1ee525196c8e9de1730881215af7e8856a981e6e53cf976b0d5af0b28baa2";

test("SHA-256 without the browser's agrees with FIPS 180-4", () => {
  assert.equal(toHex(sha256(toBytes(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(toHex(sha256(toBytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(
    toHex(sha256(toBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  );
  assert.equal(
    toHex(sha256(new Uint8Array(1_000_000).fill(97))),
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  );
});

test("SHA-256 agrees with Node's for every length around the block size", () => {
  for (let n = 0; n < 200; n++) {
    const bytes = new Uint8Array(randomBytes(n));
    assert.equal(toHex(sha256(bytes)), createHash("sha256").update(bytes).digest("hex"));
  }
});

test("the commitments of the protocol's three witnesses", () => {
  const expected = {
    parent: ["first secret 0001", "79f53c26c26513a46bd0565b47e7e904f192f69aa4dd7e063b37f4c7d2020015"],
    committee: ["second secret 002", "6ecd820aa9ecbb0d3ab65a5829705e84546966a7c93586ad24f8f5bb8cf266d7"],
    bureau: ["third secret 0003", "8635ba59a66c22677852d072fdca523d02f2de0aa8050239dcd00e9ae11e9cbf"],
  };
  for (const [witness, [secret, value]] of Object.entries(expected))
    assert.equal(toHex(commitment(fromHex(DIGEST), witness, toBytes(secret))), value);
});

test("the browser's SHA-256 and the fallback commit to the same", async () => {
  const frame = commitmentFrame(fromHex(DIGEST), "家长", toBytes("一 二 三"));
  assert.equal(toHex(await digestOf(frame)), toHex(sha256(frame)));
});

test("a frame tells where one part ends and the next begins", () => {
  assert.equal(toHex(framed("t", toBytes("ab"), toBytes(""))), "00000001740000000261620000" + "0000");
  assert.notEqual(toHex(framed("t", toBytes("ab"), toBytes("c"))), toHex(framed("t", toBytes("a"), toBytes("bc"))));
});

test("the secret depends on the phone's randomness as well as on the words", () => {
  const one = new Uint8Array(32).fill(1),
    two = new Uint8Array(32).fill(2);
  assert.notDeepEqual(sha256(secretFrame(one, "风筝")), sha256(secretFrame(two, "风筝")));
  assert.notDeepEqual(sha256(secretFrame(one, "风筝")), sha256(secretFrame(one, "风车")));
});

test("what is not hexadecimal is refused, not shortened", () => {
  assert.deepEqual([...fromHex(" 0aFF ")], [10, 255]);
  for (const wrong of ["0", "zz", "12 34"]) assert.throws(() => fromHex(wrong));
});

test("equal words never make equal secrets, and a secret fits its own commitment alone", async () => {
  const [one, two] = [await makeSecret("风筝"), await makeSecret("风筝")];
  assert.notEqual(one, two);
  assert.equal(one.length, 64);
  const value = toHex(commitment(fromHex(DIGEST), "parent", fromHex(one)));
  assert.ok(await fitsCommitment(DIGEST, "parent", one, value));
  for (const [witness, secret] of [
    ["bureau", one],
    ["parent", two],
    ["parent", ""],
    ["parent", one.slice(2)],
  ])
    assert.ok(!(await fitsCommitment(DIGEST, witness, secret, value)));
});
