// How long to wait: between two attempts to connect, and between two short polls. And the clock behind every wait.
//
// Everything that waits in this client asks a `Clock`, so that a test can move time instead of spending it.

/** Time and chance. The default is the runtime's; tests bring their own. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls `callback` once after `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, callback: () => void): () => void;
  /** A number in [0, 1). */
  random(): number;
}

// Beyond this runtimes take a delay for none at all.
const LONGEST = 0x7fffffff;

/** The runtime's timers, looked up at each call (test frameworks replace them), and `Math.random`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/**
 * Delays that double from `min` to `max` milliseconds, each spread by `jitter`.
 *
 * A delay `d` is drawn evenly from `[d * (1 - jitter), d * (1 + jitter)]`; what would fall over `max` is reflected
 * below it. So clients that lost the same server keep their distance at the cap too, where cutting the jitter off
 * would send half of them back in the same instant.
 */
export class Backoff {
  /** How many delays were given since the last reset. */
  attempts = 0;

  /** The next delay in whole milliseconds; `random` is a number in [0, 1). */
  next(min: number, max: number, jitter: number, random: number): number {
    const delay = Math.min(max, min * 2 ** this.attempts++);
    const spread = delay * (1 + (2 * random - 1) * jitter);
    return Math.max(0, Math.floor(spread > max ? 2 * max - spread : spread));
  }

  /** The next delay is `min` again. */
  reset(): void {
    this.attempts = 0;
  }
}

const JITTER = 0.1;

/**
 * The gaps between short polls, in milliseconds: `min` after an answer that was `full`, or after a send; twice the
 * last gap after an empty one, up to `max`; each spread by a tenth.
 *
 * `limit` caps the gap, and wins over the others: a ping waits for the next poll, and must be answered in time.
 *
 * Spec: Sockeye transports, "Short polling".
 */
export function pollScheduler(
  random: () => number,
  min: number,
): (full: boolean, max: number, limit: number) => number {
  let gap = min;
  return (full, max, limit) => {
    gap = full ? min : Math.min(max, gap * 2);
    return Math.floor(Math.min(limit, gap * (1 + (2 * random() - 1) * JITTER)));
  };
}
