// Charts read their data from the JSON beside them; a table with the same figures stands under each.
import { BarChart, LineChart, SankeyChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, SankeyChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);
// Okabe and Ito's palette: told apart by color-blind eyes.
const palette = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"];
const ink = getComputedStyle(document.body).color;

for (const box of document.querySelectorAll("[data-chart]")) {
  const spec = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const chart = echarts.init(box, null, { renderer: "svg" });
  const base = { color: palette, textStyle: { color: ink, fontFamily: "inherit" }, animation: false, aria: { enabled: true }, tooltip: { renderMode: "richText", trigger: spec.kind === "sankey" ? "item" : "axis" } };
  if (spec.kind === "sankey") {
    chart.setOption({ ...base, series: [{ type: "sankey", nodes: spec.nodes, links: spec.links, lineStyle: { color: "gradient" }, label: { color: ink } }] });
  } else {
    chart.setOption({
      ...base, legend: { textStyle: { color: ink }, top: 0 }, grid: { left: 8, right: 12, top: 40, bottom: 4, containLabel: true },
      xAxis: { type: "category", data: spec.x, axisLabel: { color: ink, interval: 0, rotate: spec.x.length > 8 ? 30 : 0 } },
      yAxis: { type: "value", name: spec.unit, axisLabel: { color: ink }, nameTextStyle: { color: ink } },
      series: spec.series.map((s) => ({ name: s.name, type: s.type || "bar", data: s.data, stack: s.stack, lineStyle: s.dashed ? { type: "dashed" } : undefined })),
    });
  }
  addEventListener("resize", () => chart.resize());
}
