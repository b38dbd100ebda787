// Maps draw boundaries alone, without tiles from elsewhere: they work offline and tell nobody who looks.
import "@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.css";
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import "@geoman-io/leaflet-geoman-free";
import "./map.css";
import { failed, read, tableBehind } from "./behind.js";
import { say } from "./common.js";
import { legend, level, rows, steps } from "./shapes.js";

const editing = (box) => document.getElementById(box.dataset.zoneEditor || box.dataset.edit || "");
const chinese = document.documentElement.lang.startsWith("zh");

function legendOf(bounds, unit, title) {
  const control = L.control({ position: "bottomright" });
  control.onAdd = () => {
    const box = L.DomUtil.create("div", "map-legend");
    if (title) L.DomUtil.create("p", "", box).textContent = title;
    for (const { text, color } of legend(bounds, unit)) {
      const line = L.DomUtil.create("p", "", box);
      const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg"),
        shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      swatch.setAttribute("viewBox", "0 0 10 10");
      swatch.setAttribute("aria-hidden", "true");
      for (const [name, value] of Object.entries({ width: 10, height: 10, fill: color, stroke: "#33475b" }))
        shape.setAttribute(name, value);
      swatch.append(shape);
      line.append(swatch, text);
    }
    return box;
  };
  return control;
}

// The zone being edited: the feature marked `here`, else one that is drawn now. Its geometry goes into the textarea.
function edit(map, layer, field) {
  if (chinese) map.pm.setLang("zh");
  const holder = field.closest("[data-zone-text]");
  if (holder) holder.hidden = true; // the text is for those without script
  const write = (shape) => {
    field.value = JSON.stringify(shape.toGeoJSON().geometry);
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const watch = (shape) => shape.on("pm:edit pm:dragend pm:markerdragend", () => write(shape));
  let mine = null;
  layer.eachLayer((shape) => {
    if (shape.feature.properties?.here) {
      mine = shape;
      watch(shape);
    } else shape.options.pmIgnore = true;
  });
  const controls = () => {
    map.pm.addControls({
      position: "topleft",
      drawPolygon: !mine,
      drawMarker: false,
      drawCircle: false,
      drawCircleMarker: false,
      drawPolyline: false,
      drawText: false,
      drawRectangle: false,
      cutPolygon: false,
      rotateMode: false,
      dragMode: false,
      removalMode: Boolean(mine),
      editMode: true,
    });
    // Geoman names its buttons by a tooltip alone, which screen readers do not read.
    map
      .getContainer()
      .querySelectorAll(".leaflet-buttons-control-button")
      .forEach((b) => b.setAttribute("aria-label", b.parentElement.title || b.title || "✎"));
  };
  controls();
  map.pm.setGlobalOptions({ allowSelfIntersection: false, snappable: true });
  map.on("pm:create", ({ layer: shape }) => {
    mine = shape;
    watch(shape);
    write(shape);
    controls();
  });
  map.on("pm:remove", ({ layer: shape }) => {
    if (shape === mine) {
      mine = null;
      field.value = "";
      controls();
    }
  });
}

async function draw(box) {
  const data = (await read(box.dataset.map, box.dataset.mapUrl)) || { type: "FeatureCollection", features: [] };
  const property = box.dataset.value || "load",
    bounds = steps(box.dataset.steps),
    field = editing(box);
  // A picture has nothing to operate inside, but a map has its buttons.
  if (box.getAttribute("role") === "img") box.setAttribute("role", "region");
  const map = L.map(box, {
    attributionControl: false,
    scrollWheelZoom: false,
    zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
  });
  if (chinese)
    for (const [selector, text] of [
      [".leaflet-control-zoom-in", "放大"],
      [".leaflet-control-zoom-out", "缩小"],
    ]) {
      const button = box.querySelector(selector);
      button.title = text;
      button.setAttribute("aria-label", text);
    }
  const layer = L.geoJSON(data, {
    style: ({ properties: p }) => ({
      color: "#33475b",
      weight: p.here ? 3 : 1,
      fillColor: p.here ? "#1f6feb" : level(p[property], bounds),
      fillOpacity: 1,
    }),
    pointToLayer: (f, at) => L.circleMarker(at, { radius: 6, color: "#0b4fc0", fillOpacity: 0.9, pmIgnore: true }),
    onEachFeature: ({ properties: p }, shape) => {
      const text = document.createElement("span");
      text.textContent = [
        p.label,
        p[property] !== undefined && p[property] !== null ? `${p[property]}${box.dataset.unit || ""}` : "",
      ]
        .filter(Boolean)
        .join(" · ");
      if (text.textContent) shape.bindTooltip(text, { sticky: true });
      if (p.url && !field)
        shape.on("click", () => {
          location.href = p.url;
        });
    },
  }).addTo(map);
  const all = layer.getBounds();
  if (all.isValid()) map.fitBounds(all, { padding: [10, 10] });
  else map.setView((box.dataset.center || "36.71,119.10").split(",").map(Number), 12);
  const found = rows(data, property);
  if (found.some((row) => row[1] !== null)) {
    legendOf(bounds, box.dataset.unit || "", box.dataset.valueName || "").addTo(map);
    tableBehind(box, [say("place", box), box.dataset.valueName || ""], found);
  }
  if (field) edit(map, layer, field);
  new ResizeObserver(() => map.invalidateSize()).observe(box);
}

document.querySelectorAll("[data-map], [data-map-url]").forEach((box) => draw(box).catch(() => failed(box)));
