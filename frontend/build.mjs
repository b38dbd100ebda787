// Builds every bundle into the Django app's static folder; sizes are printed compressed, as phones fetch them.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const web = join(here, "../src/ruxue/web");
const out = join(web, "static/dist");
const modules = join(here, "node_modules");
const sources = [
  "guardian.js",
  "guardian.css",
  "staff.js",
  "staff.css",
  "public.js",
  "public.css",
  "witness.js",
  "map.js",
  "charts.js",
];

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "fonts"), { recursive: true });
await build({
  entryPoints: sources.map((f) => join(here, "src", f)),
  outdir: out,
  bundle: true,
  minify: true,
  target: ["chrome87", "safari14.1"],
  logLevel: "warning",
  legalComments: "linked", // licences of what is bundled travel with it
  loader: { ".png": "dataurl", ".svg": "dataurl", ".gif": "dataurl", ".woff": "dataurl", ".woff2": "dataurl" },
});

// TTF, because Typst takes no other kind of these.
const fonts = join(modules, "@expo-google-fonts/noto-sans-sc");
for (const [folder, name] of [
  ["400Regular", "Regular"],
  ["700Bold", "Bold"],
])
  copyFileSync(join(fonts, folder, `NotoSansSC_${folder}.ttf`), join(out, "fonts", `NotoSansSC-${name}.ttf`));
copyFileSync(join(fonts, "LICENSE_FONT"), join(out, "fonts/LICENSE"));

// The sprite holds the icons that templates name, and those that are chosen in Python.
const icons = new Set([
  "home",
  "search",
  "calendar",
  "list-check",
  "chart-bar",
  "scale",
  "history",
  "help",
  "school",
  "map-2",
  "user",
  "users",
  "check",
  "alert-triangle",
  "clock",
  "x",
  "upload",
  "edit",
  "message-2",
  "file-text",
  "eye",
  "settings",
  "language",
  "letter-case",
  "arrow-left",
  "chevron-left",
  "chevron-right",
  "building-community",
  "shield-check",
  "dice-5",
  "logout",
  "phone",
  "camera",
  "info-circle",
  "table",
  "flag",
  "inbox",
  "filter",
  "download",
  "printer",
  "keyboard",
  "arrow-back-up",
  "chevron-down",
  "circle-dashed",
  "minus",
]);
function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !["static", "__pycache__", "locale"].includes(entry.name)) yield* files(path);
    else if (/\.(html|py)$/.test(entry.name)) yield path;
  }
}
for (const path of files(web))
  for (const [, name] of readFileSync(path, "utf8").matchAll(/\{%\s*icon\s+["']([a-z0-9-]+)["']/g)) icons.add(name);
const symbols = [...icons].sort().map((name) => {
  const file = join(modules, "@tabler/icons/icons/outline", `${name}.svg`);
  if (!existsSync(file)) throw new Error(`a template names the icon "${name}", which the set does not have`);
  const svg = readFileSync(file, "utf8");
  const inner = svg
    .slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"))
    .replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
});
writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);

// The verifier is one file that runs anywhere; its own policy names the digests of its script and style and allows nothing else.
const verifier = await build({
  entryPoints: { script: join(here, "src/verifier/page.js"), style: join(here, "src/verifier/page.css") },
  outdir: "verifier",
  write: false,
  bundle: true,
  minify: true,
  target: ["chrome87", "safari14.1"],
  logLevel: "warning",
  format: "iife",
  charset: "utf8",
});
const [script, style] = [".js", ".css"].map((end) =>
  verifier.outputFiles.find((f) => f.path.endsWith(end)).text.trim(),
);
const sha = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = `default-src 'none'; script-src ${sha(script)}; style-src ${sha(style)}; img-src data:; base-uri 'none'; form-action 'none'`;
const page = readFileSync(join(here, "src/verifier/page.html"), "utf8")
  .replace("{{policy}}", () => policy)
  .replace("<!-- style -->", () => `<style>${style}</style>`)
  .replace("<!-- script -->", () => `<script>${script}</script>`);
writeFileSync(join(out, "verifier.html"), page);

const size = (file) => gzipSync(readFileSync(join(out, file))).length / 1024;
for (const file of [...sources, "map.css", "icons.svg", "verifier.html"].sort())
  console.log(file.padEnd(14), `${size(file).toFixed(1).padStart(6)} KB`);
const first = size("guardian.css") + size("guardian.js") + size("icons.svg");
console.log(`${"guardian's first page".padEnd(22)} ${first.toFixed(1)} KB of 90`);
// The page itself takes the rest of the promised 100 KB.
if (first > 90) throw new Error("the guardian's first page has grown too heavy for a weak network");
