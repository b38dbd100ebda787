// From the figures that a page holds to what ECharts draws, and to the rows of the table behind; pure functions.

// Okabe and Ito's palette: told apart by color-blind eyes; black is left out, for it vanishes in the dark.
export const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999", "#f0e442"];
// One hue from light to dark keeps its order in grey.
export const RAMP = ["#e3eef9", "#a9cfea", "#5ba3d0", "#1f6fb4", "#08306b"];
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "roundRect", "pin"];
const DASHES = ["solid", "dashed", "dotted"];

export function option(spec, { ink = "#1b1f24", line = "#d5dbe3", family = "sans-serif", size = 13 } = {}) {
  const text = { color: ink, fontFamily: family, fontSize: size };
  const axis = {
    axisLabel: text,
    nameTextStyle: text,
    axisLine: { lineStyle: { color: line } },
    splitLine: { lineStyle: { color: line } },
  };
  const base = {
    color: PALETTE,
    textStyle: text,
    animation: false,
    aria: { enabled: true },
    // Tooltips as HTML would need inline styles, which the security policy forbids.
    tooltip: { renderMode: "richText", confine: true, trigger: "item" },
  };
  const names = { show: (spec.series || spec.items || []).length > 1, textStyle: text, top: 0, type: "scroll" };
  const visual = (values) => ({
    min: Math.min(0, ...values),
    max: Math.max(1, ...values),
    calculable: false,
    orient: "horizontal",
    left: "center",
    bottom: 0,
    textStyle: text,
    inRange: { color: RAMP },
  });
  switch (spec.kind) {
    case "pie":
      return {
        ...base,
        series: [
          {
            type: "pie",
            radius: ["38%", "68%"],
            data: spec.items,
            label: { ...text, formatter: (p) => `${p.name}\n${p.value} (${Math.round(p.percent)}%)` },
          },
        ],
      };
    case "sankey":
      return {
        ...base,
        series: [
          {
            type: "sankey",
            left: 4,
            right: size * 8,
            nodes: spec.nodes,
            links: spec.links,
            label: text,
            lineStyle: { color: "source", opacity: 0.35 },
          },
        ],
      };
    case "heatmap":
      return {
        ...base,
        grid: { left: 8, right: 12, top: 8, bottom: size * 4, containLabel: true },
        xAxis: { type: "category", data: spec.x, ...axis },
        yAxis: { type: "category", data: spec.y, ...axis },
        visualMap: visual(spec.cells.map((c) => c[2])),
        series: [
          {
            type: "heatmap",
            data: spec.cells,
            label: { show: spec.cells.length <= 120, fontSize: size - 1 },
            itemStyle: { borderColor: line, borderWidth: 1 },
          },
        ],
      };
    case "map":
      return {
        ...base,
        visualMap: visual(spec.values.map((v) => v.value)),
        series: [
          {
            type: "map",
            map: spec.map,
            data: spec.values,
            top: 8,
            bottom: size * 4,
            itemStyle: { borderColor: line },
            label: {
              show: spec.values.length <= 20,
              fontSize: size - 1,
              color: "#1b1f24",
              textBorderColor: "#fff",
              textBorderWidth: 3,
            },
          },
        ],
      };
    default: {
      // Labels that would not fit side by side are turned, and long ones beside bars are broken; none is left out.
      const wide = (label) => [...String(label)].reduce((sum, sign) => sum + (sign > "\u2e7f" ? 2 : 1), 0);
      const turned = spec.x.length > 8 || Math.max(0, ...spec.x.map(wide)) * spec.x.length > 60;
      const categories = {
        type: "category",
        data: spec.x,
        ...axis,
        axisLabel: spec.horizontal
          ? { ...text, interval: 0, width: size * 9, overflow: "break" }
          : {
              ...text,
              hideOverlap: spec.x.length > 20,
              interval: spec.x.length > 20 ? "auto" : 0,
              rotate: turned ? 30 : 0,
            },
      };
      const values = { type: "value", name: spec.unit, ...axis };
      // The unit stands above the axis and would be cut off if it were centered there; the legend is above both.
      if (spec.horizontal) Object.assign(values, { nameLocation: "middle", nameGap: size * 2 });
      else values.nameTextStyle = { ...text, align: "left" };
      return {
        ...base,
        tooltip: { ...base.tooltip, trigger: "axis" },
        legend: names,
        grid: {
          left: 8,
          right: 16,
          top: size * (names.show ? 4.6 : 3),
          bottom: spec.horizontal ? size * 1.6 : 4,
          containLabel: true,
        },
        xAxis: spec.horizontal ? values : categories,
        yAxis: spec.horizontal ? { ...categories, inverse: true } : values,
        series: spec.series.map((s, i) => ({
          name: s.name,
          type: s.type || (spec.kind === "line" ? "line" : "bar"),
          data: s.data,
          stack: s.stack,
          barMaxWidth: 40,
          symbol: SYMBOLS[i % SYMBOLS.length],
          symbolSize: 8,
          lineStyle: { width: 2.5, type: s.dashed ? "dashed" : DASHES[i % DASHES.length] },
        })),
      };
    }
  }
}

export function rows(spec) {
  const unit = spec.unit || "";
  switch (spec.kind) {
    case "pie":
      return { head: ["", unit], body: spec.items.map((i) => [i.name, i.value]) };
    case "map":
      return { head: ["", unit], body: spec.values.map((v) => [v.name, v.value]) };
    case "sankey":
      return { head: ["", "→", unit], body: spec.links.map((l) => [l.source, l.target, l.value]) };
    case "heatmap": {
      const at = new Map(spec.cells.map(([x, y, v]) => [`${x} ${y}`, v]));
      return {
        head: [unit, ...spec.x],
        body: spec.y.map((name, y) => [name, ...spec.x.map((_, x) => at.get(`${x} ${y}`) ?? null)]),
      };
    }
    default:
      return {
        head: [unit, ...spec.series.map((s) => s.name)],
        body: spec.x.map((name, i) => [name, ...spec.series.map((s) => s.data[i] ?? null)]),
      };
  }
}
