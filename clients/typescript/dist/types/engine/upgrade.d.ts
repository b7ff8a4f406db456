import type { Clock } from "../backoff.js";
import { TransportError, type Transport, type TransportEvents } from "./transport.js";
/** What an upgrade asks of its session. */
export interface UpgradeEvents {
    /** The candidate answered: nothing may be sent on the old transport until the end. */
    onprobed(candidate: Transport): void;
    /** The old transport is silent, and the candidate has said so to the server. */
    onmoved(candidate: Transport): void;
    /** The old transport goes on. */
    onfail(error: TransportError): void;
}
/** One attempt to move. */
export interface Upgrade {
    /** Begins; may fail before it returns. */
    start(): void;
    /** Gives up, without a word to the session. */
    cancel(): void;
}
/**
 * An attempt to move from `current` to the candidate that `make` makes.
 *
 * `patience` is in milliseconds, for the probe, and once more for the old transport to fall silent.
 */
export declare function upgrade(make: (events: TransportEvents) => Transport, current: Transport, clock: Clock, patience: number, events: UpgradeEvents): Upgrade;
