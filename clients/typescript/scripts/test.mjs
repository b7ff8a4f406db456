// Runs the tests with Node's own runner: `unit` (test/*.test.ts) or `live` (test/live/*.test.ts).
//
// The tests are TypeScript: each file is bundled for Node first, the packages that it imports left outside.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const kind = process.argv[2];
const only = process.argv[3];
if (kind !== "unit" && kind !== "live") {
  console.error("usage: node scripts/test.mjs unit|live [part of a file's name]");
  process.exit(2);
}

const directory = kind === "unit" ? "test" : "test/live";
const sources = readdirSync(join(root, directory))
  .filter((name) => name.endsWith(".test.ts") && (!only || name.includes(only)))
  .map((name) => `${directory}/${name}`);
// Inside the package, so that its dependencies are found, and itself by its name.
const outdir = join(root, ".tests", kind);
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: sources,
  outdir,
  outbase: directory,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  define: { PACKAGE_ROOT: JSON.stringify(root) },
});
const files = sources.map((name) => join(outdir, name.slice(directory.length + 1).replace(/\.ts$/, ".mjs")));
const flags = ["--enable-source-maps", "--test", "--test-reporter=spec"];
const { status } = spawnSync(process.execPath, [...flags, ...files], { stdio: "inherit" });
process.exitCode = status ?? 1;
