import { type Route, type Transport, type TransportEvents } from "../transport.js";
export declare function polling(route: Route, firstEvents: TransportEvents): Transport;
