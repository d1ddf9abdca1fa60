/**
 * Bundles the member's pages and our admin panels into ../static/built/.
 *
 *   npm run build    one minified build
 *   npm run watch    rebuilds on every change, with readable output
 *
 * portal.js and admin.js are ES modules; whatever is imported dynamically (hls.js, three) becomes a
 * chunk of its own whose name carries the hash of its content. An entry whose source does not exist is left out.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static", "built");
const watch = process.argv.includes("--watch");

const sources = {
  portal: ["portal.ts", "styles/portal.css"],
  admin: ["admin.ts", "styles/admin.css"],
};
const scripts = {};
const sheets = {};
for (const [name, [script, sheet]] of Object.entries(sources)) {
  if (existsSync(join(here, script))) scripts[name] = join(here, script);
  if (existsSync(join(here, sheet))) sheets[name] = join(here, sheet);
}

/** Older phones inside WeChat run Chromium 86 to 107; iPhones since iOS 15 are still in use. */
const target = ["chrome86", "safari15", "firefox102"];
const common = {
  bundle: true,
  outdir: out,
  minify: !watch,
  sourcemap: watch,
  target,
  legalComments: "none",
  logLevel: "warning",
  absWorkingDir: here,
};
const javascript = {
  ...common,
  entryPoints: scripts,
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
};
const css = {
  ...common,
  entryPoints: sheets,
  assetNames: "files/[name]-[hash]",
  loader: { ".svg": "dataurl", ".png": "file", ".woff2": "file" },
};

mkdirSync(out, { recursive: true });
if (watch) {
  for (const options of [javascript, css]) {
    if (Object.keys(options.entryPoints).length) await (await esbuild.context(options)).watch();
  }
  console.log("watching");
} else {
  const written = new Set();
  for (const options of [javascript, css]) {
    if (!Object.keys(options.entryPoints).length) continue;
    const { metafile } = await esbuild.build({ ...options, metafile: true });
    for (const file of Object.keys(metafile.outputs)) written.add(join(here, file));
  }
  removeLeftovers(out, written);
  for (const file of [...written].sort()) {
    const kilobytes = (n) => `${(n / 1000).toFixed(1)} kB`.padStart(9);
    const bytes = readFileSync(file);
    console.log(`${relative(out, file).padEnd(44)}${kilobytes(bytes.length)}${kilobytes(gzipSync(bytes).length)} gzip`);
  }
}

/** Removes files of earlier builds, so that nothing stale is collected as a static file. */
function removeLeftovers(folder, keep) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      removeLeftovers(path, keep);
      if (!readdirSync(path).length) rmSync(path, { recursive: true });
    } else if (!keep.has(path)) rmSync(path);
  }
}
