// Runs all cases, prints those that failed, and ends with a table and `N passed, N failed`.
//
// node run.mjs [--reference] [--summary FILE] [FILE...]
//
// --reference      against the original packages (reference.mjs), to show that the cases are right
// --summary FILE   writes the closing tables there, too
// FILE...          only these files of cases
//
// Which server is under test, and how it is started, says support/server.mjs.

import { readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";
import { inspect, parseArgs } from "node:util";
import { STRICTER } from "./support/suite.mjs";

/** Files of cases at once; most of a case is waiting. */
const CONCURRENCY = 6;

const here = fileURLToPath(new URL(".", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { reference: { type: "boolean", default: false }, summary: { type: "string" } },
});

if (values.reference) {
  const script = join(here, "reference.mjs");
  process.env.CONFORMANCE_COMMAND = JSON.stringify([process.execPath, script]);
  process.env.CONFORMANCE_ECHO = JSON.stringify([process.execPath, script, "echo"]);
  process.env.CONFORMANCE_REFERENCE = "1";
} else {
  // A value left over from elsewhere would skip what ours must hold.
  delete process.env.CONFORMANCE_REFERENCE;
}

const names = readdirSync(here).filter((name) => name.endsWith(".test.mjs"));
const wanted = positionals.map((name) => basename(name));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`no file of cases is called ${unknown.join(", ")}`);
  process.exit(2);
}
const files = (wanted.length > 0 ? wanted : names).map((name) => join(here, name));

/** Cases by the part of the page that they are of, which is the first word of their suite. */
const parts = new Map(["A", "B", "C", "D", "command line", "ws_echo"].map((part) => [part, { passed: 0, failed: 0, otherwise: 0 }]));
const otherwise = [];
let cancelled = 0;
const started = performance.now();

await new Promise((resolve) => {
  // Events come file after file, and within a file in the order in which its cases stand.
  const above = [];

  const place = ({ nesting, name }) => {
    const suites = above.slice(0, nesting);
    return { suite: suites.join(" > "), part: (suites[0] ?? name).split(":")[0] };
  };
  const count = (part, what) => {
    // A file that ended early has no suite.
    if (!parts.has(part)) parts.set(part, { passed: 0, failed: 0, otherwise: 0 });
    parts.get(part)[what] += 1;
  };

  run({ files, concurrency: CONCURRENCY })
    .on("test:start", ({ nesting, name }) => {
      above.length = nesting;
      above[nesting] = name;
    })
    .on("test:pass", (event) => {
      if (event.details.type === "suite") return;
      const { part, suite } = place(event);
      if (event.skip === undefined) count(part, "passed");
      else if (values.reference && String(event.skip).startsWith(STRICTER)) {
        count(part, "otherwise");
        otherwise.push([`${suite}: ${event.name}`, event.skip.slice(STRICTER.length)]);
      } else {
        count(part, "failed");
        console.log(`FAILED ${suite}: ${event.name}: skipped for no reason that is known here\n`);
      }
    })
    .on("test:fail", (event) => {
      const { error } = event.details;
      // A suite has failed because its cases have, which are counted.
      if (event.details.type === "suite" && error.failureType === "subtestsFailed") return;
      const { part, suite } = place(event);
      count(part, "failed");
      // Cases whose server did not start: the failure of their suite says why.
      if (error.failureType === "cancelledByParent") {
        cancelled += 1;
        return;
      }
      console.log(`FAILED ${suite && `${suite}: `}${event.name} (${basename(event.file ?? event.name)})`);
      console.log(`${inspect(error.cause ?? error, { depth: 4 }).replace(/^/gm, "    ")}\n`);
    })
    .on("end", resolve)
    .resume();
});

/** Rows under a head, in columns. */
function table(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => String(row[column]).length)));
  const line = (row) => row.map((cell, column) => (typeof cell === "number" ? String(cell).padStart(widths[column]) : String(cell).padEnd(widths[column]))).join("  ").trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

const columns = ["passed", "failed", ...(values.reference ? ["ours is stricter"] : [])];
const key = (column) => (column === "ours is stricter" ? "otherwise" : column);
const rows = [...parts].map(([part, counts]) => [part.length === 1 ? `application ${part}` : part, ...columns.map((column) => counts[key(column)])]);
const sum = (what) => [...parts.values()].reduce((total, counts) => total + counts[what], 0);

const texts = [
  `One case per sentence of spec/conformance.md, against ${values.reference ? "the original packages" : "examples/conformance and examples/ws_echo"}:`,
  table(["", ...columns], rows),
];
if (otherwise.length > 0) texts.push(`Not asked of the original, since ours is stricter, ${otherwise.length} cases:`, table(["case", "why"], otherwise));
if (cancelled > 0) texts.push(`${cancelled} cases could not run, since their server did not start.`);

const seconds = ((performance.now() - started) / 1_000).toFixed(1);
const passed = sum("passed");
const failed = sum("failed");
const closing = `${passed} passed, ${failed} failed`;
const summary = `${texts.join("\n\n")}\n\n`;
console.log(`${summary}${seconds} s\n${closing}`);
if (values.summary) writeFileSync(values.summary, `${summary}${closing}\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
