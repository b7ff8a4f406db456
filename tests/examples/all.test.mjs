import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const examples = new URL("../../examples/", import.meta.url);

/** Examples that other suites run. */
const ELSEWHERE = ["conformance", "hardness", "testing", "ws_echo"];

test("every example is run by a test, and stands in the table of its folder", () => {
  const table = readFileSync(new URL("README.md", examples), "utf8");
  for (const file of readdirSync(examples).filter((file) => file.endsWith(".rs"))) {
    const name = file.slice(0, -".rs".length);
    const own = new URL(`${name}.test.mjs`, import.meta.url);
    assert.ok(ELSEWHERE.includes(name) || existsSync(own), `${file} is run by no test`);
    assert.ok(table.includes(`[\`${name}\`](${file})`), `${file} is missing in examples/README.md`);
  }
});
