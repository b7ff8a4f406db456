import { type Packet } from "../packet.js";
import { type Route, type Transport, type TransportEvents } from "../transport.js";
export declare class WebSocketTransport implements Transport {
    private readonly route;
    events: TransportEvents;
    readonly name = "websocket";
    writable: boolean;
    private socket;
    constructor(route: Route, events: TransportEvents);
    open(): void;
    send(packets: Packet[]): void;
    close(): void;
    private end;
    private release;
}
