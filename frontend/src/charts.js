// Charts read their figures from the JSON beside them and follow the system's light or dark.
import { BarChart, HeatmapChart, LineChart, MapChart, PieChart, SankeyChart } from "echarts/charts";
import {
  AriaComponent,
  GeoComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import * as echarts from "echarts/core";
// Canvas, because the SVG renderer writes style attributes, which the security policy forbids.
import { CanvasRenderer } from "echarts/renderers";
import { failed, read, tableBehind } from "./behind.js";
import { option, rows } from "./chartspec.js";

echarts.use([
  BarChart,
  HeatmapChart,
  LineChart,
  MapChart,
  PieChart,
  SankeyChart,
  AriaComponent,
  GeoComponent,
  GridComponent,
  LegendComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
]);

function look(box) {
  const css = getComputedStyle(box),
    root = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return {
    ink: css.color,
    line: css.getPropertyValue("--line").trim() || "#d5dbe3",
    family: css.fontFamily,
    size: Math.round(root * 0.8),
  };
}

async function draw(box) {
  const spec = await read(box.dataset.chart, box.dataset.chartUrl);
  if (spec.kind === "map") {
    const shapes = typeof spec.geojson === "string" ? await read(spec.geojson, spec.geojson) : spec.geojson;
    spec.map = box.dataset.chart || box.dataset.chartUrl;
    echarts.registerMap(spec.map, shapes);
  }
  const label = box.getAttribute("aria-label");
  const chart = echarts.init(box);
  const show = () => {
    chart.setOption(option(spec, look(box)), true);
    if (label) box.setAttribute("aria-label", label); // the page's own words are better than generated ones
  };
  show();
  const { head, body } = rows(spec);
  tableBehind(box, head, body);
  new ResizeObserver(() => chart.resize()).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => requestAnimationFrame(show));
  document
    .querySelectorAll("[data-font]")
    .forEach((b) => b.addEventListener("click", () => requestAnimationFrame(show)));
}

document.querySelectorAll("[data-chart], [data-chart-url]").forEach((box) => draw(box).catch(() => failed(box)));
