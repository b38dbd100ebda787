// Builds every bundle into the Django app's static folder; sizes are printed compressed, as phones fetch them.
import { build } from "esbuild";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const out = "../src/ruxue/web/static/dist";
rmSync(out, { recursive: true, force: true });
mkdirSync(`${out}/fonts`, { recursive: true });
await build({
  entryPoints: ["guardian.js", "guardian.css", "staff.js", "staff.css", "public.css", "witness.js", "map.js", "charts.js"].map((f) => `src/${f}`),
  outdir: out, bundle: true, minify: true, target: ["chrome87", "safari14.1"], logLevel: "warning",
  loader: { ".png": "dataurl", ".svg": "dataurl", ".gif": "dataurl", ".woff": "dataurl", ".woff2": "dataurl" },
});
for (const [folder, name] of [["400Regular", "Regular"], ["700Bold", "Bold"]]) {
  cpSync(`node_modules/@expo-google-fonts/noto-sans-sc/${folder}/NotoSansSC_${folder}.ttf`, `${out}/fonts/NotoSansSC-${name}.ttf`);
}
const icons = ["home", "search", "calendar", "list-check", "chart-bar", "scale", "history", "help", "school", "map-2", "user", "users",
  "check", "alert-triangle", "clock", "x", "upload", "edit", "message-2", "file-text", "eye", "settings", "language", "letter-case",
  "arrow-left", "chevron-right", "building-community", "shield-check", "dice-5", "logout", "phone", "camera", "info-circle", "table", "flag"];
const sprite = icons.map((name) => {
  const svg = readFileSync(`node_modules/@tabler/icons/icons/outline/${name}.svg`, "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
});
writeFileSync(`${out}/icons.svg`, `<svg xmlns="http://www.w3.org/2000/svg">${sprite.join("")}</svg>`);
for (const file of ["guardian.js", "guardian.css", "staff.js", "staff.css", "public.css", "witness.js", "map.js", "map.css", "charts.js", "icons.svg"]) {
  console.log(file.padEnd(16), `${(gzipSync(readFileSync(`${out}/${file}`)).length / 1024).toFixed(1)} KB`);
}
