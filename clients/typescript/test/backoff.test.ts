import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backoff, pollScheduler } from "../src/backoff.js";

describe("a back-off", () => {
  test("doubles from the smallest to the longest delay", () => {
    const backoff = new Backoff();
    const delays = [1, 2, 3, 4, 5].map(() => backoff.next(1_000, 5_000, 0.5, 0.5));
    assert.deepEqual(delays, [1_000, 2_000, 4_000, 5_000, 5_000]);
    assert.equal(backoff.attempts, 5);
  });

  test("begins anew after a reset", () => {
    const backoff = new Backoff();
    backoff.next(100, 10_000, 0, 0.5);
    backoff.next(100, 10_000, 0, 0.5);
    backoff.reset();
    assert.equal(backoff.next(100, 10_000, 0, 0.5), 100);
  });

  test("spreads each delay evenly, and never over the longest", () => {
    const seen = (dice: number, attempts: number) => {
      const backoff = new Backoff();
      backoff.attempts = attempts;
      return backoff.next(1_000, 5_000, 0.5, dice);
    };
    assert.equal(seen(0, 0), 500);
    assert.equal(seen(0.999999, 0), 1_499);
    // At the cap the upper half is reflected: 2,500 to 5,000, no crowd at 5,000.
    assert.equal(seen(0, 9), 2_500);
    assert.equal(seen(0.25, 9), 3_750);
    assert.equal(seen(0.75, 9), 3_750);
    assert.equal(seen(0.999999, 9), 2_500);
    assert.equal(seen(0.5, 9), 5_000);
  });

  test("stays within its bounds after a thousand attempts", () => {
    const backoff = new Backoff();
    for (let attempt = 0; attempt < 1_200; attempt++) {
      const delay = backoff.next(1_000, 5_000, 1, Math.random());
      assert.ok(delay >= 0 && delay <= 5_000 && Number.isInteger(delay));
    }
  });
});

describe("the scheduler of short polls", () => {
  const MAX = 5_000;

  test("doubles the gap with each empty answer, up to the longest", () => {
    const next = pollScheduler(() => 0.5, 250);
    const gaps = [true, false, false, false, false, false, false].map((full) => next(full, MAX, Infinity));
    assert.deepEqual(gaps, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  test("goes back to the shortest gap after a full answer", () => {
    const next = pollScheduler(() => 0.5, 250);
    for (let empty = 0; empty < 6; empty++) next(false, MAX, Infinity);
    assert.equal(next(true, MAX, Infinity), 250);
    assert.equal(next(false, MAX, Infinity), 500);
  });

  test("spreads a gap by a tenth", () => {
    assert.equal(pollScheduler(() => 0, 250)(true, MAX, Infinity), 225);
    assert.equal(pollScheduler(() => 0.999999, 250)(true, MAX, Infinity), 274);
  });

  test("never waits longer than the limit, spread included", () => {
    const next = pollScheduler(() => 0.999999, 250);
    assert.equal(next(true, MAX, 100), 100);
    for (let empty = 0; empty < 9; empty++) assert.ok(next(false, MAX, 1_000) <= 1_000);
  });
});
