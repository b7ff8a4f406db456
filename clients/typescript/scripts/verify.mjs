// Proves that dist/ is what the sources build: builds into a fresh directory and compares every byte.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const fresh = mkdtempSync(join(tmpdir(), "sockeye-client-"));

function files(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

try {
  const { status } = spawnSync(process.execPath, [join(root, "scripts/build.mjs"), fresh], { stdio: "inherit" });
  if (status !== 0) throw new Error("the build failed");
  const committed = join(root, "dist");
  const names = [...new Set([...files(committed), ...files(fresh)])];
  const read = (directory, name) => {
    try {
      return readFileSync(join(directory, name));
    } catch {
      return undefined;
    }
  };
  const wrong = names.filter((name) => {
    const [there, here] = [read(committed, name), read(fresh, name)];
    return !there || !here || !there.equals(here);
  });
  if (wrong.length) throw new Error(`dist/ is not what the sources build, run \`npm run build\`: ${wrong.join(", ")}`);
  console.log(`dist/ is what the sources build (${names.length} files)`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
