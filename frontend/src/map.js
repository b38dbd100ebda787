// Maps draw boundaries alone, without tiles from elsewhere: they work offline and tell nobody who looks.
import "@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.css";
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import "@geoman-io/leaflet-geoman-free";

const colors = ["#d7e9f7", "#a9cfea", "#f6d89a", "#eda65d", "#d55e00"];
const level = (load) => (load === null || load === undefined ? "#cdd6e0" : colors[load < 70 ? 0 : load < 85 ? 1 : load < 100 ? 2 : load < 115 ? 3 : 4]);

for (const box of document.querySelectorAll("[data-map]")) {
  const data = JSON.parse(document.getElementById(box.dataset.map).textContent);
  const map = L.map(box, { attributionControl: false, scrollWheelZoom: false });
  const layer = L.geoJSON(data, {
    style: (f) => ({ color: "#33475b", weight: f.properties.here ? 3 : 1, fillColor: f.properties.here ? "#1f6feb" : level(f.properties.load), fillOpacity: 0.7 }),
    pointToLayer: (f, at) => L.circleMarker(at, { radius: 6, color: "#0b4fc0", fillOpacity: 0.9 }),
    onEachFeature: (f, shape) => {
      const text = document.createElement("span");
      text.textContent = f.properties.label || "";
      shape.bindTooltip(text);
      if (f.properties.url) shape.on("click", () => { location.href = f.properties.url; });
    },
  }).addTo(map);
  map.fitBounds(layer.getBounds(), { padding: [8, 8] });
  const field = document.getElementById(box.dataset.edit || "");
  if (field) {
    map.pm.addControls({ position: "topleft", drawMarker: false, drawCircle: false, drawCircleMarker: false, drawPolyline: false, drawText: false, drawRectangle: false, drawPolygon: false, cutPolygon: false, rotateMode: false, dragMode: false, removalMode: false });
    layer.eachLayer((shape) => {
      if (shape.feature.properties.here) shape.on("pm:edit", () => { field.value = JSON.stringify(shape.toGeoJSON().geometry); });
      else shape.options.pmIgnore = true;
    });
  }
}
