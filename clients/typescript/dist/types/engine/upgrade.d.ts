import { TransportError, type Route, type Transport, type TransportEvents } from "./transport.js";
/** What an upgrade asks of its session. */
export interface UpgradeEvents {
    /** The candidate answered: nothing may be sent on the old transport until the end. */
    onprobed(candidate: Transport): void;
    /** The old transport is silent, and the candidate has said so to the server. */
    onmoved(candidate: Transport): void;
    /** The old transport goes on. */
    onfail(error: TransportError): void;
}
/** One attempt to move from `current` to a candidate. */
export declare class Upgrade {
    private readonly current;
    private readonly route;
    private readonly patience;
    private readonly events;
    private readonly candidate;
    private state;
    private cancelTimer;
    /** `patience` is in milliseconds, for the probe, and once more for the old transport to fall silent. */
    constructor(make: (events: TransportEvents) => Transport, current: Transport, route: Route, patience: number, events: UpgradeEvents);
    /** Begins; may fail before it returns. */
    start(): void;
    /** Gives up, without a word to the session. */
    cancel(): void;
    private limit;
    private receive;
    private move;
    private fail;
}
