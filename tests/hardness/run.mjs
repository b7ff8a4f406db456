// Attacks a server as spec/hardness.md says, row by row, and as one would beyond it; ends with a table and `N passed, N failed`.
//
// node run.mjs [--long] [--summary FILE] [--jobs N] [--only TEXT]...
//
// --long           real times and larger numbers
// --summary FILE   writes the table there, too
// --jobs N         rows at once, 3
// --only TEXT      only rows that have this in their title
//
// Which programs are attacked says support/target.mjs.

import { writeFileSync } from "node:fs";
import { inspect, parseArgs } from "node:util";
import { known } from "./known.mjs";
import { elsewhere } from "./scope.mjs";
import { attacks, faults } from "./support/page.mjs";
import { GOAL, MB, perform, rows } from "./support/rows.mjs";

for (const file of ["http", "session", "frame", "packet", "load", "faults", "beyond"]) await import(`./rows/${file}.mjs`);

const { values } = parseArgs({
  options: {
    long: { type: "boolean", default: false },
    summary: { type: "string" },
    jobs: { type: "string", default: "3" },
    only: { type: "string", multiple: true, default: [] },
  },
});

/** What is wrong between the page and the tests. */
function misfits() {
  const wrong = [];
  const page = [...attacks, ...faults];
  const titles = rows.map(({ title }) => title);
  const twice = titles.filter((title, place) => titles.indexOf(title) !== place);
  for (const title of twice) wrong.push(`two tests are called ${title}`);
  for (const name of attacks) {
    if (!titles.includes(name)) wrong.push(`no test for the row "${name}"`);
  }
  for (const name of faults) {
    if (titles.includes(name) === elsewhere.has(name)) wrong.push(`the row "${name}" must have a test or a reason why it has none, and not both`);
  }
  for (const title of titles) {
    if (!page.includes(title) && !title.startsWith("beyond: ")) wrong.push(`the page has no row "${title}"`);
  }
  for (const name of elsewhere.keys()) {
    if (!faults.includes(name)) wrong.push(`the page has no row "${name}", which is said to be tested elsewhere`);
  }
  for (const name of known.keys()) {
    if (!titles.includes(name)) wrong.push(`no test is called "${name}", which is known to fail`);
  }
  return wrong;
}

const started = performance.now();
const wanted = rows.filter(({ title }) => values.only.length === 0 || values.only.some((text) => title.includes(text)));
if (wanted.length === 0) {
  console.error(`no row has ${values.only.join(" or ")} in its title`);
  process.exit(2);
}
const results = [];
const queue = [...wanted];

async function work() {
  for (let row = queue.shift(); row; row = queue.shift()) {
    const result = await perform(row, { long: values.long });
    const expected = known.get(row.title);
    result.verdict = result.error ? (expected ? "known" : "FAILED") : expected ? "FAILED" : "held";
    if (!result.error && expected) result.error = new Error(`it is said to fail, and holds: ${expected}`);
    results.push(result);
    if (result.verdict === "FAILED") {
      console.log(`FAILED ${row.title}`);
      console.log(`${inspect(result.error, { depth: 4 }).replace(/^/gm, "    ")}\n`);
      if (result.faults?.length) console.log(`    ${result.faults.slice(0, 5).join("\n    ")}\n`);
      if (result.alive === false) console.log(`    the server ended; it said: ${result.said}\n`);
    }
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));

/** Rows under a head, in columns; numbers stand to the right. */
function table(head, lines) {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => String(line[column]).length)));
  const show = (line) => line.map((cell, column) => (/^[\d.]+$/.test(cell) ? String(cell).padStart(widths[column]) : String(cell).padEnd(widths[column]))).join("  ").trimEnd();
  return [show(head), widths.map((width) => "-".repeat(width)).join("  "), ...lines.map(show)].join("\n");
}

const order = new Map(rows.map(({ title }, place) => [title, place]));
results.sort((one, other) => order.get(one.title) - order.get(other.title));
const whole = (number) => (number === undefined ? "" : number.toFixed(0));
const megabytes = (bytes) => (bytes === undefined ? "" : (bytes / MB).toFixed(1));
const lines = results.map((result) => [
  result.title, whole(result.delay), whole(result.visit), megabytes(result.base), megabytes(result.peak), megabytes(result.final),
  (result.time / 1_000).toFixed(1), result.verdict, result.notes.join("; "),
]);

const wrong = values.only.length === 0 ? misfits() : [];
for (const fault of wrong) console.log(`FAILED the page and the tests: ${fault}`);
const count = (verdict) => results.filter((result) => result.verdict === verdict).length;
const late = results.filter((result) => Math.max(result.delay ?? 0, result.visit ?? 0) > GOAL);
const texts = [
  `Attacks of spec/hardness.md on a server process, ${values.long ? "with real times" : "with short times"}: the longest that the canary and a newcomer waited (ms), resident memory (MB), time (s):`,
  table(["row", "canary", "newcomer", "base", "peak", "final", "time", "verdict", "notes"], lines),
  `Over the goal of ${GOAL} ms, within the limit: ${late.length === 0 ? "none" : late.map(({ title }) => title).join(", ")}`,
];
if (count("known") > 0) {
  texts.push("Known to fail:");
  texts.push(results.filter(({ verdict }) => verdict === "known").map(({ title, error }) => `${title}: ${known.get(title)}\n    ${error.message.split("\n")[0]}`).join("\n"));
}
const passed = count("held") + (values.only.length === 0 && wrong.length === 0 ? 1 : 0);
const failed = count("FAILED") + wrong.length;
const closing = `${passed} passed, ${failed} failed, ${count("known")} skipped`;
const summary = `${texts.join("\n\n")}\n\n`;
console.log(`${summary}${((performance.now() - started) / 1_000).toFixed(1)} s\n${closing}`);
if (values.summary) writeFileSync(values.summary, `${summary}${closing}\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
