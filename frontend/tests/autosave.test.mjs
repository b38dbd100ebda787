import assert from "node:assert/strict";
import { test } from "node:test";
import { contents, expired, restore, same } from "../src/autosave.js";

const form = () => [
  { name: "csrfmiddlewaretoken", type: "hidden", value: "token" },
  { name: "name", type: "text", value: "王小明" },
  { name: "basis", type: "radio", value: "owned", checked: true },
  { name: "basis", type: "radio", value: "lease", checked: false },
  { name: "twins", type: "checkbox", value: "yes", checked: false },
  { name: "parent", type: "text", value: "甲" },
  { name: "parent", type: "text", value: "乙" },
  { name: "page", type: "file", value: "C:\\fakepath\\a.jpg" },
  { name: "off", type: "text", value: "x", disabled: true },
  { name: "go", type: "submit", value: "1" },
];

test("a draft holds what the form would send, without token, files and buttons", () => {
  assert.deepEqual(contents(form()), [
    ["name", "王小明"],
    ["basis", "owned"],
    ["parent", "甲"],
    ["parent", "乙"],
  ]);
});

test("a kept draft comes back field by field", () => {
  const fields = form();
  restore(fields, [
    ["name", "王小红"],
    ["basis", "lease"],
    ["twins", "yes"],
    ["parent", "丙"],
    ["parent", "丁"],
  ]);
  assert.deepEqual(contents(fields), [
    ["name", "王小红"],
    ["basis", "lease"],
    ["twins", "yes"],
    ["parent", "丙"],
    ["parent", "丁"],
  ]);
  assert.equal(fields[0].value, "token");
});

test("only a change is a change", () => {
  assert.ok(same(contents(form()), contents(form())));
  const other = form();
  other[4].checked = true;
  assert.ok(!same(contents(form()), contents(other)));
});

test("copies end after three days, damaged ones at once", () => {
  assert.ok(!expired({ at: 0, pairs: [] }, 2 * 86_400_000));
  assert.ok(expired({ at: 0, pairs: [] }, 4 * 86_400_000));
  assert.ok(expired(null, 0));
  assert.ok(expired({ at: 0 }, 0));
});
