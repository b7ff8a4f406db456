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
/** How a short-polling client paces itself, in milliseconds. */
export interface PollPace {
    /** The gap after an answer that brought something, or after a send. */
    readonly min: number;
    /** The gap that empty answers double up to. */
    readonly max: number;
}
/**
 * The gaps between short polls: `min` after a full answer or a send, twice the last gap after an empty one, up to
 * `max`; each spread by a tenth.
 *
 * Spec: Sockeye transports, "Short polling".
 */
export declare class PollScheduler {
    private readonly random;
    private readonly pace;
    private gap;
    constructor(random: () => number, pace: PollPace);
    /**
     * The gap until the next poll, of which the last one was `full` or not.
     *
     * `limit` caps the gap, and wins over `pace`: without a peer that counts requests as signs of life a ping waits for
     * the next poll, and must be answered in time.
     */
    next(full: boolean, limit: number): number;
}
