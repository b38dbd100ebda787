import assert from "node:assert/strict";
import { test } from "node:test";
import { diff } from "../src/diff.js";

const marked = (runs) => runs.map((r) => (r.same ? r.text : `[${r.text}]`)).join("");

test("the differing characters are marked on both sides", () => {
  const [mine, theirs] = diff("东方花园3号楼", "东方家园3号楼");
  assert.equal(marked(mine), "东方[花]园3号楼");
  assert.equal(marked(theirs), "东方[家]园3号楼");
});

test("a missing character is marked only where it stands", () => {
  const [mine, theirs] = diff("370799201905030012", "37079920190503012");
  assert.equal(
    mine
      .filter((r) => !r.same)
      .map((r) => r.text)
      .join(""),
    "0",
  );
  assert.ok(theirs.every((r) => r.same));
});

test("equal, empty and wholly different texts", () => {
  assert.deepEqual(diff("王䶮", "王䶮"), [[{ text: "王䶮", same: true }], [{ text: "王䶮", same: true }]]);
  assert.deepEqual(diff("", "王"), [[], [{ text: "王", same: false }]]);
  assert.deepEqual(diff("甲", "乙").map(marked), ["[甲]", "[乙]"]);
});

test("rare characters of two code units stay whole", () =>
  assert.deepEqual(diff("𠮷田", "吉田").map(marked), ["[𠮷]田", "[吉]田"]));

test("both sides always read as before", () => {
  for (const [a, b] of [
    ["abcabba", "cbabac"],
    ["阿依古丽·买买提", "阿依古丽.买买提"],
    ["x", "xx"],
  ]) {
    assert.deepEqual(
      diff(a, b).map((runs) => runs.map((r) => r.text).join("")),
      [a, b],
    );
  }
});
