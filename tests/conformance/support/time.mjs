// Waiting, with a limit and a name for what was awaited.

import assert from "node:assert/strict";

/** How long an answer may take on a busy machine, in milliseconds. */
export const PATIENCE = Number(process.env.PATIENCE ?? 15_000);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `promise`, or an error that names `what` did not come. */
export async function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What `work` gave, and how many milliseconds it took. */
export async function timed(work) {
  const started = performance.now();
  const value = await work();
  return { value, took: performance.now() - started };
}

/** Timers of the two sides start at different moments and round differently; this much earlier is still in time. */
const EARLY = 15;
/** What a busy machine may add. */
const LATE = 1_500;

/**
 * `took` is `ms`, as far as a machine that does other things can tell. It must have been measured from before the
 * server could begin to count: what a busy machine hears late would else seem to come early.
 */
export function assertTook(took, ms, what) {
  assert.ok(took >= ms - EARLY, `${what} came after ${took.toFixed(0)} ms, earlier than ${ms} ms`);
  assert.ok(took <= ms + LATE, `${what} came after ${took.toFixed(0)} ms, much later than ${ms} ms`);
}

/** How many rounds of a measurement a busy machine may spoil, and one. */
const ROUNDS = 12;

/**
 * Holds `measure()`, in milliseconds, to `limit` in one of some rounds. A busy machine may spoil a round, so this tells
 * apart a server that always takes longer from one that need not.
 */
export async function assertCanTakeWithin(limit, what, measure) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS && best > limit; round++) {
    best = Math.min(best, await measure());
    if (best > limit) await sleep(50 * round);
  }
  assert.ok(best <= limit, `${what} took ${best.toFixed(0)} ms at best, more than ${limit} ms`);
}
