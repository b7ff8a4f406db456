/** Time and chance. The default is the runtime's; tests bring their own. */
export interface Clock {
    /** Milliseconds since any fixed moment. */
    now(): number;
    /** Calls `callback` once after `ms` milliseconds, unless the returned function is called before. */
    after(ms: number, callback: () => void): () => void;
    /** A number in [0, 1). */
    random(): number;
}
/** The runtime's timers, looked up at each call (test frameworks replace them), and `Math.random`. */
export declare const systemClock: Clock;
/**
 * Delays that double from `min` to `max` milliseconds, each spread by `jitter`.
 *
 * A delay `d` is drawn evenly from `[d * (1 - jitter), d * (1 + jitter)]`; what would fall over `max` is reflected
 * below it. So clients that lost the same server keep their distance at the cap too, where cutting the jitter off
 * would send half of them back in the same instant.
 */
export declare class Backoff {
    /** How many delays were given since the last reset. */
    attempts: number;
    /** The next delay in whole milliseconds; `random` is a number in [0, 1). */
    next(min: number, max: number, jitter: number, random: number): number;
    /** The next delay is `min` again. */
    reset(): void;
}
/**
 * The gaps between short polls, in milliseconds: `min` after an answer that was `full`, or after a send; twice the
 * last gap after an empty one, up to `max`; each spread by a tenth.
 *
 * `limit` caps the gap, and wins over the others: a ping waits for the next poll, and must be answered in time.
 *
 * Spec: Sockeye transports, "Short polling".
 */
export declare function pollScheduler(random: () => number, min: number): (full: boolean, max: number, limit: number) => number;
