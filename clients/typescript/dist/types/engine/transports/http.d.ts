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
/** The way up of polling and SSE: payloads in POSTs, one at a time, so that they arrive in order. */
export declare class Upload {
    private readonly route;
    private readonly transport;
    private readonly ondone;
    private readonly onfail;
    /** Whether a POST is under way. */
    busy: boolean;
    private abort?;
    private onidle;
    constructor(route: Route, transport: "polling" | "sse", ondone: () => void, onfail: (error: TransportError) => void);
    /** Sends packets; `ondone` or `onfail` follows. Only while not `busy`. */
    send(packets: readonly Packet[], keepalive?: boolean): void;
    /** Says goodbye behind a POST that is under way, then calls `done`, whether it was heard or not. */
    close(done: () => void): void;
    /** Cuts a POST that is under way; it calls nothing any more. */
    cancel(): void;
    private post;
}
