import assert from "node:assert/strict";
import { test } from "node:test";
import { option, rows } from "../src/chartspec.js";
import { suggestions } from "../src/common.js";
import { UNKNOWN, legend, level, rows as places, steps } from "../src/shapes.js";

test("each kind of chart has a table with the same figures", () => {
  assert.deepEqual(
    rows({
      x: ["一小", "二小"],
      unit: "人",
      series: [
        { name: "席位", data: [90, 135] },
        { name: "儿童", data: [101] },
      ],
    }),
    {
      head: ["人", "席位", "儿童"],
      body: [
        ["一小", 90, 101],
        ["二小", 135, null],
      ],
    },
  );
  assert.deepEqual(rows({ kind: "pie", unit: "人", items: [{ name: "本科", value: 3 }] }).body, [["本科", 3]]);
  assert.deepEqual(rows({ kind: "sankey", links: [{ source: "潍城", target: "奎文", value: 7 }] }).body, [
    ["潍城", "奎文", 7],
  ]);
  assert.deepEqual(rows({ kind: "heatmap", x: ["甲", "乙"], y: ["7月"], cells: [[1, 0, 5]] }).body, [["7月", null, 5]]);
});

test("no chart makes a tooltip of HTML, which the security policy would break", () => {
  const kinds = [
    { x: ["a"], series: [{ name: "n", data: [1] }] },
    { kind: "pie", items: [] },
    { kind: "sankey", nodes: [], links: [] },
    { kind: "heatmap", x: [], y: [], cells: [] },
    { kind: "map", values: [] },
  ];
  for (const spec of kinds) assert.equal(option(spec).tooltip.renderMode, "richText");
});

test("lines differ by symbol and dash as well as by color", () => {
  const { series } = option({
    kind: "line",
    x: ["2025"],
    series: [
      { name: "a", data: [1] },
      { name: "b", data: [2] },
    ],
  });
  assert.notEqual(series[0].symbol, series[1].symbol);
  assert.notEqual(series[0].lineStyle.type, series[1].lineStyle.type);
});

test("a zone's color follows its number; an unknown one is grey, not low", () => {
  assert.equal(level(69), level(0));
  assert.notEqual(level(70), level(69));
  assert.equal(level(400), level(115));
  for (const unknown of [null, undefined, "?"]) assert.equal(level(unknown), UNKNOWN);
  assert.equal(legend(steps("50 100"), "%").length, 3);
});

test("the table of a map leaves points out", () => {
  const shape = (label, load, type = "Polygon") => ({ geometry: { type }, properties: { label, load } });
  assert.deepEqual(places({ features: [shape("甲区", 92), shape("学校", null, "Point"), shape("乙区")] }, "load"), [
    ["甲区", 92],
    ["乙区", null],
  ]);
});

test("suggestions are understood in both shapes", () => {
  assert.deepEqual(suggestions({ compounds: [{ code: 7, name: "东方花园", address: "东风街1号" }] }), [
    { code: "7", name: "东方花园", detail: "东风街1号" },
  ]);
  assert.deepEqual(suggestions({ results: [{ value: "7", label: "东方花园" }] }), [
    { code: "7", name: "东方花园", detail: "" },
  ]);
  assert.deepEqual(suggestions({}), []);
});

test("no category loses its name: long ones are turned, and beside bars they are broken", () => {
  const names = (x, horizontal) => {
    const made = option({ x, horizontal, series: [{ name: "n", data: [] }] });
    return (horizontal ? made.yAxis : made.xAxis).axisLabel;
  };
  assert.deepEqual([names(["寒亭区", "奎文区"]).rotate, names(["寒亭区", "奎文区"]).interval], [0, 0]);
  const long = ["Hanting District", "Kuiwen District", "Binhai District", "Gaoxin District"];
  assert.deepEqual([names(long).rotate, names(long).interval], [30, 0]);
  assert.deepEqual([names(long, true).overflow, names(long, true).interval], ["break", 0]);
});
