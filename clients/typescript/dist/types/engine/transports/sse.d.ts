import { type Route, type Transport, type TransportEvents } from "../transport.js";
export declare function sse(route: Route, firstEvents: TransportEvents): Transport;
