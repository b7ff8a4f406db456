import { type Packet } from "../packet.js";
import { TransportError, type Route, type TransportName } from "../transport.js";
/** What a request may say beyond its address. */
export interface RequestInit {
    readonly method: "GET" | "POST";
    /** What ends the request from our side. */
    readonly abort: AbortController;
    readonly body?: string;
    readonly wait?: number | undefined;
    readonly headers?: Record<string, string>;
    /** Whether the request goes on when its page is left. */
    readonly keepalive?: boolean;
}
/**
 * Asks the server; any answer but 2xx is an error that says what the server said.
 *
 * `fetch` is called without `credentials: "omit"` even where no cookie is wanted: that would use another pool of
 * connections, at the cost of a new set-up.
 */
export declare function request(route: Route, transport: "polling" | "sse", init: RequestInit): Promise<Response>;
/** The body of a response as text, counted. */
export declare function readText(route: Route, transport: TransportName, response: Response): Promise<string>;
/** How long a goodbye may take in milliseconds. Browsers have few connections for one server, none to leave hanging. */
export declare const GOODBYE_FOR = 5000;
/** The way up of polling and SSE: payloads in POSTs, one at a time, so that they arrive in order. */
export interface Upload {
    /** Whether a POST is under way. */
    readonly busy: boolean;
    /** Sends packets; `ondone` or `onfail` follows. Only while not `busy`. */
    send(packets: readonly Packet[]): void;
    /** Says goodbye behind a POST that is under way, then calls `done`, whether it was heard or not, in 5 s at most. */
    close(done: () => void): void;
    /** Cuts a POST that is under way; it calls nothing any more. */
    cancel(): void;
}
export declare function upload(route: Route, transport: "polling" | "sse", ondone: () => void, onfail: (error: TransportError) => void): Upload;
