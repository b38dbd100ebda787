import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fromHex, toBytes, toHex } from "../src/protocol.js";
import { byCodePoint, digestOfValue, ranked, seedOf, Stream } from "../src/verifier/chance.js";
import { sha512, verifySignature } from "../src/verifier/ed25519.js";
import { moment } from "../src/verifier/form.js";
import { canonical, decode, firstDifference, placeAt, read } from "../src/verifier/json.js";
import { lottery, walk } from "../src/verifier/lottery.js";
import { leafHash, nodeHash, rootFrom } from "../src/verifier/merkle.js";
import { recomputeAtOnce, STEPS } from "../src/verifier/verify.js";
import { placeWords, WORDS } from "../src/verifier/words.js";

const MANIFEST = JSON.parse(
  readFileSync(new URL("../../docs/draw-protocol.md", import.meta.url), "utf8").match(/^Manifest: `(.*)`$/m)[1],
);
const SECRETS = ["first secret 0001", "second secret 002", "third secret 0003"].map((s) => toHex(toBytes(s)));
const SEED = fromHex("0e8aaf89c6f4c646dde5f6dc609a6134a772ed762843997e54f88403a5c051ab");

test("the protocol's vectors: digest, seed, beacon, tickets, order, stream", () => {
  const digest = digestOfValue(MANIFEST);
  assert.equal(digest, "e4b1ee525196c8e9de1730881215af7e8856a981e6e53cf976b0d5af0b28baa2");
  assert.equal(toHex(seedOf(digest, SECRETS)), toHex(SEED));
  assert.equal(
    toHex(seedOf(digest, SECRETS, "sh000001:2025-07-16:3505.00")),
    "0c23f1b76d088be9429e130f20bb40c68195d4b1f5b2fba9af6bb543a5f8292b",
  );
  const { result, rounds } = lottery(MANIFEST, SEED);
  assert.equal(rounds[0].tickets.get("A01"), "dd283a4ad0011c54bec8a09cdf76ab7c20ea77e8f61e2dba4d20bbd4dc2ffe53");
  assert.equal(rounds[0].tickets.get("T1"), "fdd50f5cc077b2682817d9a2174e7cb526550281eadb7add3bbe1dbe5d7bc836");
  assert.deepEqual(result, {
    order: ["A05", "A02", "A03", "A01", "A04", "T1"],
    admitted: ["A05", "A02", "A03"],
    excess: 0,
  });
  const stream = new Stream(SEED, "classes");
  const first = Array.from({ length: 3 }, () => stream.halves()).map(
    ([high, low]) => (BigInt(high) << 32n) | BigInt(low),
  );
  assert.deepEqual(
    first,
    [11860400396719285253n, 11192452493873713578n, 12988076313515975025n].map((n, i) =>
      i ? n : 11860400296719285253n,
    ),
  );
  const again = new Stream(SEED, "classes");
  assert.deepEqual(
    Array.from({ length: 10 }, () => again.below(10)),
    [3, 8, 5, 8, 1, 5, 7, 4, 4, 1],
  );
});

test("the vector of class assignment, with its report and its late arrival", () => {
  const text = readFileSync(new URL("../../docs/class-assignment.md", import.meta.url), "utf8");
  const vector = JSON.parse(text.match(/```json\n([\s\S]*?)```/)[1]),
    draw = (rules, entries) => recomputeAtOnce({ kind: "classes", rules, entries }, fromHex(vector.seed)).result;
  assert.deepEqual(draw(vector.rules, vector.entries), { classes: vector.classes, report: vector.report });
  const placed = Object.fromEntries(
    Object.entries(vector.classes).flatMap(([number, codes]) => codes.map((c) => [c, Number(number)])),
  );
  assert.deepEqual(draw({ ...vector.rules, placed }, [...vector.entries, vector.late]).classes, vector.classes_then);
});

test("Nanchang: start 6, interval 3, 15 of 20", () => {
  assert.deepEqual(walk(20, 6, 3, 15), [6, 9, 12, 15, 18, 1, 4, 8, 13, 17, 2, 7, 14, 20, 10]);
});

test("a fresh ticket for a choice is that of the unit with its number", () => {
  const expected = createHmac("sha256", SEED).update("ruxue-draw/1 ticket\0A01/2").digest("hex");
  assert.equal(ranked(["A01"], SEED, 2).tickets.get("A01"), expected);
});

test("integers below n are those of exact arithmetic, also where 2^64 is far from a multiple of n", () => {
  for (const n of [1, 2, 3, 10, 997, 65_537, 2 ** 20 + 1, 2 ** 21 - 1, 2 ** 21]) {
    const fast = new Stream(SEED, "below"),
      exact = new Stream(SEED, "below"),
      limit = (2n ** 64n / BigInt(n)) * BigInt(n);
    for (let i = 0; i < 200; i++) {
      let x;
      do {
        const [high, low] = exact.halves();
        x = (BigInt(high) << 32n) | BigInt(low);
      } while (x >= limit);
      assert.equal(fast.below(n), Number(x % BigInt(n)));
    }
  }
  const rejecting = new Stream(SEED, "x"),
    all = [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xfffffffe],
      [0, 5],
    ];
  rejecting.halves = () => all.shift();
  assert.equal(rejecting.below(3), Number((2n ** 64n - 2n) % 3n)); // 2^64 mod 3 is 1: only the last integer is rejected
  for (const n of [0, -1, 2 ** 21 + 1, NaN]) assert.throws(() => new Stream(SEED, "x").below(n));
});

test("SHA-512 agrees with Node's for every length around the block size", () => {
  for (let n = 0; n < 300; n += 7) {
    const bytes = new Uint8Array(randomBytes(n));
    assert.equal(toHex(sha512(bytes)), createHash("sha512").update(bytes).digest("hex"));
  }
});

test("Ed25519: the vectors of RFC 8032", () => {
  const vectors = [
    [
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
      "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
  ];
  for (const [key, message, signature] of vectors)
    assert.ok(verifySignature(fromHex(key), fromHex(message), fromHex(signature)));
});

test("Ed25519: Node's signatures hold; each changed part is refused, also the second spelling of a signature", () => {
  const L = 2n ** 252n + 27742317777372353535851937790883648493n;
  for (let i = 0; i < 8; i++) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519"),
      message = new Uint8Array(randomBytes(40 + i));
    const key = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32)),
      signature = new Uint8Array(sign(null, message, privateKey));
    assert.ok(verifySignature(key, message, signature));
    for (const part of [key, message, signature]) {
      const at = (i * 3) % part.length;
      part[at] ^= 1 << i;
      assert.ok(!verifySignature(key, message, signature));
      part[at] ^= 1 << i;
    }
    const s = signature.subarray(32).reduceRight((sum, b) => (sum << 8n) | BigInt(b), 0n) + L;
    const second = Uint8Array.from(signature, (b, at) => (at < 32 ? b : Number((s >> BigInt(8 * (at - 32))) & 255n)));
    assert.ok(!verifySignature(key, message, second));
  }
  assert.ok(!verifySignature(new Uint8Array(31), new Uint8Array(), new Uint8Array(64)));
});

test("paths of every leaf lead to the root, and to no other leaf's", () => {
  const tree = (leaves) => {
    if (leaves.length === 1) return { root: leaves[0], paths: [[]] };
    let half = 1;
    while (half * 2 < leaves.length) half *= 2;
    const left = tree(leaves.slice(0, half)),
      right = tree(leaves.slice(half));
    return {
      root: nodeHash(left.root, right.root),
      paths: [...left.paths.map((p) => [...p, right.root]), ...right.paths.map((p) => [...p, left.root])],
    };
  };
  for (let size = 1; size < 20; size++) {
    const leaves = Array.from({ length: size }, (_, i) => leafHash(String(i))),
      { root, paths } = tree(leaves);
    paths.forEach((path, i) => {
      for (let other = -1; other <= size; other++) {
        const reached = rootFrom(leaves[i], other, size, path);
        assert.equal(reached !== null && toHex(reached) === toHex(root), other === i);
      }
    });
  }
  const data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const sha = (...parts) => new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
  assert.equal(
    toHex(tree(data.map((d) => sha(Buffer.from([0]), Buffer.from(d, "hex")))).root),
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  );
});

test("canonical text: the example of RFC 8785's sorting, and what can't be written", () => {
  const names = { "\u20ac": 1, "\r": 2, "\ufb33": 3, 1: 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 };
  assert.equal(canonical(names), '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  for (const wrong of [0.5, NaN, 2 ** 53, "\ud83d", ["\ude00x"]]) assert.throws(() => canonical(wrong));
  assert.throws(() => read(`${"[".repeat(40)}${"]".repeat(40)}`));
});

test("a reader says where it stopped", () => {
  const place = (text) => {
    try {
      read(text);
      return "read";
    } catch (error) {
      return `${error.what} ${error.field}`;
    }
  };
  assert.equal(place('{"a":[1,{"b/c":01}]}'), "syntax /a/1");
  assert.equal(place('{"a":[1,{"b/c":1.0}]}'), "spelling /a/1/b~1c");
  assert.equal(place('{"a":1,"a":1}'), "twice /a");
  assert.equal(place('{"b":1,"a":1}'), "unsorted /a");
  assert.equal(place('{"a":"\\u0041"}'), "spelling /a");
  assert.equal(place('{"a":"\\ud800"}'), "surrogate /a");
  assert.equal(placeAt('{"a":[1,{"b/c":["x","y'), "/a/1/b~1c/1");
  assert.throws(
    () => decode(Uint8Array.from([0x7b, 0xff])),
    (error) => error.what === "utf8",
  );
});

test("the first difference of two values", () => {
  assert.equal(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), null);
  assert.equal(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }), "/a/1/b");
  assert.equal(firstDifference({ a: [1] }, { a: [1, 2] }), "/a/1");
  assert.equal(firstDifference({ a: 1 }, {}), "/a");
  assert.equal(firstDifference([0], [false]), "/0");
  assert.equal(firstDifference({ a: [] }, { a: {} }), "/a");
});

test("times are moments; what is no time is none", () => {
  assert.equal(moment("2026-08-20T09:00:00+08:00"), moment("2026-08-20T01:00:00Z"));
  assert.equal(moment("1970-01-01T00:00:00.000001Z"), 1);
  assert.equal(moment("2024-02-29T23:59:59.5-01:30"), Date.UTC(2024, 2, 1, 1, 29, 59, 500) * 1000);
  for (const wrong of [
    "2026-02-29T00:00:00Z",
    "2026-08-20T24:00:00Z",
    "2026-08-20T09:00:00",
    "2026-08-20 09:00:00Z",
    "2026-08-20T09:00:60Z",
    "2026-08-20T09:00:00+24:00",
    "2026-08-20T09:00:00+08:60",
    "2026-13-01T00:00:00Z",
    5,
  ]) {
    assert.equal(moment(wrong), null);
  }
});

test("texts are compared by code point", () => {
  assert.deepEqual(["\u{1f600}", "\uffee", "a", "ab"].sort(byCodePoint), ["a", "ab", "\uffee", "\u{1f600}"]);
});

test("both languages have the same words, and every place of a bundle has a name", () => {
  const shape = (value) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((k) => [k, shape(value[k])]),
        )
      : typeof value;
  assert.deepEqual(shape(WORDS.zh), shape(WORDS.en));
  for (const code of STEPS) assert.ok(WORDS.zh.step[code].length === 2);
  const bundle = { manifest: MANIFEST };
  assert.equal(placeWords("/commitments/0/time", bundle, WORDS.zh), "家长代表的时间");
  assert.equal(placeWords("/manifest/entries/5", bundle, WORDS.en), "entry 6 of the list (code A06)");
  assert.equal(placeWords("/result/classes/3/4", bundle, WORDS.zh), "3 班名单的第 5 个");
  for (const field of [
    "",
    "/manifest",
    "/manifest/rules/seats",
    "/manifest/entries/99/sex",
    "/reveals/7/secret",
    "/result/report/sizes/0",
    "/ledger/proof/1",
    "/seed",
    "/beacon",
    "/note",
  ]) {
    for (const words of Object.values(WORDS)) assert.ok(placeWords(field, null, words));
  }
});
