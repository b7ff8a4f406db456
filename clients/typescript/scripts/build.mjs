// Builds dist/ (or the directory named by the first argument) from src/, and prints what each bundle weighs.
//
// The output depends on the sources and on the pinned tools only, not on where it is built.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = resolve(process.argv[2] ?? join(root, "dist"));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Gzipped bytes that the smallest complete bundle may weigh: the aim is 10 KiB. */
const BUDGET = 11 * 1024;

const bundles = [
  { name: "socket.io.js", entry: "global", format: "iife", target: "es2017", minify: false },
  { name: "socket.io.min.js", entry: "global", format: "iife", target: "es2017", minify: true },
  { name: "socket.io.esm.min.js", entry: "index", format: "esm", target: "es2020", minify: true },
  { name: "sockeye-client.mjs", entry: "index", format: "esm", target: "es2020", minify: false },
];

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

for (const { name, entry, format, target, minify } of bundles) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}.ts`],
    // The maps name the sources from here, so it stays the same when the files are written elsewhere.
    outfile: `dist/${name}`,
    write: false,
    bundle: true,
    format,
    target,
    minify,
    charset: "utf8",
    sourcemap: "linked",
    legalComments: "none",
    banner: { js: `/*! sockeye-client ${version} | MIT OR Apache-2.0 */` },
    // `module` is looked for on purpose: the script serves pages and CommonJS.
    logOverride: { "commonjs-variable-in-esm": "silent" },
  });
  for (const { path, contents } of outputFiles) writeFileSync(join(dist, basename(path)), contents);
}

execFileSync(
  process.execPath,
  [
    join(root, "node_modules/typescript/bin/tsc"),
    ...["-p", join(root, "tsconfig.types.json")],
    ...["--outDir", join(dist, "types")],
  ],
  { stdio: "inherit" },
);

let over = false;
for (const { name } of bundles) {
  const bytes = readFileSync(join(dist, name));
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  console.log(`${name.padEnd(22)} ${String(bytes.length).padStart(7)} B ${String(gzipped).padStart(7)} B gzipped`);
  if (name === "socket.io.esm.min.js") over = gzipped > BUDGET;
}
if (over) {
  console.error(`socket.io.esm.min.js is over its budget of ${BUDGET} B gzipped`);
  process.exitCode = 1;
}
