import { type Packet } from "../packet.js";
import { type Route, type Transport, type TransportEvents } from "../transport.js";
export declare class Sse implements Transport {
    private readonly route;
    events: TransportEvents;
    readonly name = "sse";
    private state;
    private readonly upload;
    private readonly backoff;
    private resumeUntil;
    private lastEventId;
    /** Whether the last packet was the noop after which the server writes nothing more here. */
    private sealed;
    private onpaused?;
    private abort?;
    private source?;
    private cancelWait?;
    constructor(route: Route, events: TransportEvents);
    get writable(): boolean;
    open(): void;
    send(packets: Packet[]): void;
    pause(done: () => void): void;
    resume(): void;
    close(): void;
    private end;
    private cut;
    private checkPaused;
    private fetchStream;
    private read;
    private openSource;
    private opened;
    private receive;
    private refused;
    private lost;
}
