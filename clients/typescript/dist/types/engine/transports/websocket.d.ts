import { type Route, type Transport, type TransportEvents } from "../transport.js";
export declare function websocket(route: Route, firstEvents: TransportEvents): Transport;
