import type { Packet } from "../packet.js";
import { type Route, type Transport, type TransportEvents } from "../transport.js";
export declare class Polling implements Transport {
    private readonly route;
    events: TransportEvents;
    readonly name = "polling";
    private state;
    private upload;
    private scheduler;
    private get?;
    private cancelGap?;
    private onpaused?;
    constructor(route: Route, events: TransportEvents);
    get writable(): boolean;
    open(): void;
    send(packets: Packet[]): void;
    pause(done: () => void): void;
    resume(): void;
    close(): void;
    private goodbye;
    private fail;
    private poll;
    private receive;
    private schedule;
    private stopGap;
    private checkPaused;
}
