// The count of the lines, without a browser: the page's own module.

import assert from "node:assert/strict";
import { Continuity } from "../../crates/cli/assets/switchboard/continuity.js";
import { test } from "./suite.mjs";

const begun = (first, last) => {
  const lines = new Continuity();
  lines.begin(first, last);
  return lines;
};

test("lines that follow each other are whole", () => {
  const lines = begun(241, 243);
  assert.deepEqual([241, 242, 243].map((n) => lines.take(n)), ["next", "next", "next"]);
  lines.settle(243);
  assert.deepEqual([lines.count, lines.last, lines.missing, lines.twice], [3, 243, 0, []]);
});

test("a number passed over is missing until it comes", () => {
  const lines = begun(1, 1);
  lines.take(1);
  assert.equal(lines.take(5), "skipped");
  assert.deepEqual(lines.gaps, [[2, 4]]);
  assert.equal(lines.take(3), "late");
  assert.deepEqual(lines.gaps, [[2, 2], [4, 4]]);
  assert.deepEqual([2, 4].map((n) => lines.take(n)), ["late", "late"]);
  assert.deepEqual([lines.missing, lines.twice, lines.count], [0, [], 5]);
});

test("a number that comes again is told once and counted once", () => {
  const lines = begun(1, 2);
  assert.deepEqual([1, 2, 2, 2].map((n) => lines.take(n)), ["next", "next", "again", "again"]);
  assert.deepEqual([lines.twice, lines.count], [[2], 2]);
});

test("what the server says it gave and did not bring is missing", () => {
  const lines = begun(undefined, 7);
  assert.equal(lines.missing, 0, "nothing kept was nothing promised");
  lines.settle(9);
  assert.deepEqual(lines.gaps, [[8, 9]]);
  assert.equal(lines.take(10), "next");
});
