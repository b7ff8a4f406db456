import type { Clock } from "../backoff.js";
import type { Packet } from "./packet.js";
/** The techniques of this client. `polling` is long or short, depending on `poll.wait`. */
export type TransportName = "polling" | "sse" | "websocket";
/** What ended a transport that did not end in order. */
export declare class TransportError extends Error {
    /** What the runtime said: an HTTP status, an `Error`, an event. */
    readonly description?: unknown;
    /** The Engine.IO error code of a refused request, 0 to 5; absent when the answer had none. */
    readonly code?: number | undefined;
    /** What the server said of a refused request, in its own words; absent when it said nothing. */
    readonly reason?: string | undefined;
    readonly type = "TransportError";
    constructor(message: string, 
    /** What the runtime said: an HTTP status, an `Error`, an event. */
    description?: unknown, 
    /** The Engine.IO error code of a refused request, 0 to 5; absent when the answer had none. */
    code?: number | undefined, 
    /** What the server said of a refused request, in its own words; absent when it said nothing. */
    reason?: string | undefined);
}
/** The end of a transport whose server sent something that is no packet. */
export declare function notAPacket(transport: TransportName, found: unknown): TransportError;
/** One technique at work for one session. */
export interface Transport {
    readonly name: TransportName;
    /** Who is told: the upgrade while the transport is a candidate, the session from then on. */
    events: TransportEvents;
    /** Whether `send` may be called now, and would leave at once. */
    readonly writable: boolean;
    /** Begins. Whatever comes of it is told through the events. */
    open(): void;
    /** Sends packets in order. Only while `writable`; `ondrain` says when it may be called again. */
    send(packets: Packet[]): void;
    /**
     * Lets what is under way arrive and calls `done` when both directions are silent. From then on the transport does
     * nothing more. A WebSocket is never left for something else, so it has no pause.
     */
    pause?(done: () => void): void;
    /** Takes back a `pause` whose `done` was not called yet. */
    resume?(): void;
    /**
     * Ends, and calls no event any more; neither does a transport after `pause`. With `goodbye` the session is over, and
     * the server is told.
     */
    close(goodbye: boolean): void;
}
/** What a transport tells its session. Nothing is called after `onclose`. */
export interface TransportEvents {
    /** Packets can be sent: on a new transport of a known session, a probe. */
    onopen(): void;
    onpacket(packet: Packet<ArrayBuffer>): void;
    /** What was sent has left. */
    ondrain(): void;
    /** A stream that had broken is whole again, on the same transport. */
    onresume(): void;
    /** The transport is gone: in order, or with what went wrong. `description` is what the runtime said of an order. */
    onclose(error?: TransportError, description?: unknown): void;
}
/**
 * What the traffic of one session has cost so far, over all its transports.
 *
 * Counted where the client itself sees bytes: bodies and message payloads. URLs, headers, frame headers, TLS and TCP
 * are not in it, since no browser tells them.
 */
export interface Stats {
    /** HTTP requests begun, the opening of a stream and the handshake of a WebSocket included. */
    requests: number;
    /** Bytes of request bodies (UTF-8) and of WebSocket messages sent. */
    bytesUp: number;
    /** Bytes of response bodies, after any content decoding, and of WebSocket messages received. */
    bytesDown: number;
    /** Engine.IO messages sent, text and binary: a Socket.IO packet is one, plus one for each attachment. */
    messagesUp: number;
    /** Engine.IO messages received. */
    messagesDown: number;
}
/** A WebSocket class: the browser's, Node's (22 and later), or that of the `ws` package. */
export interface WebSocketConstructor {
    new (url: string, protocols?: string[], options?: {
        headers: Record<string, string>;
    }): WebSocket;
}
/** An EventSource class. */
export interface EventSourceConstructor {
    new (url: string, init?: {
        withCredentials?: boolean;
    }): EventSource;
}
/** What the transports run on, where it shall not be the runtime's own global of that name. */
export interface TransportOptions {
    /** Long and short polling. */
    readonly polling?: {
        readonly fetch?: typeof fetch;
    };
    /** HTTP streaming: `EventSource` is used when responses cannot be read as a stream, or when only it is given. */
    readonly sse?: {
        readonly fetch?: typeof fetch;
        readonly EventSource?: EventSourceConstructor;
    };
    /** WebSocket: Node 20 has no global one. A class given here gets `extraHeaders` as its third argument. */
    readonly websocket?: {
        readonly WebSocket?: WebSocketConstructor;
    };
}
/** How the engine reaches its server. */
export interface EngineOptions {
    /** Where the server listens. Default `/socket.io`; a slash is added at the end. */
    readonly path: string;
    /** Whether that slash is added. Default true. */
    readonly addTrailingSlash: boolean;
    /**
     * Techniques in order of preference: the first one connects, the others are reached by upgrade when the server
     * offers them. Default `["polling", "websocket"]`.
     */
    readonly transports: readonly TransportName[];
    /** Whether to move to a better transport. Default true. */
    readonly upgrade: boolean;
    /** Whether to begin with WebSocket when the last upgrade of this page succeeded. Default false. */
    readonly rememberUpgrade: boolean;
    /** Whether to try the next of `transports` when one cannot connect. Default false. `sse` is always passed over. */
    readonly tryAllTransports: boolean;
    /**
     * How long the server may hold an empty poll, in seconds; 0 is short polling, paced by `min` and `max` (250 and
     * 5,000 ms by default). Absent: as long as the server likes.
     */
    readonly poll: {
        readonly wait?: number;
        readonly min?: number;
        readonly max?: number;
    };
    /** More query parameters, also seen by the server as the handshake's query. Never put secrets here. */
    readonly query: Readonly<Record<string, string | number | boolean | null | undefined>>;
    /** More headers on HTTP requests. Browsers send none on WebSocket and EventSource. */
    readonly extraHeaders: Readonly<Record<string, string>>;
    /** Whether cross-origin requests carry cookies. Default false. */
    readonly withCredentials: boolean;
    /** Whether binary leaves as base64 on WebSocket too. Default false. */
    readonly forceBase64: boolean;
    /** Whether WebSocket and SSE requests carry a cache buster too; polling always does unless this is false. */
    readonly timestampRequests?: boolean;
    /** The cache buster's name. Default `t`. */
    readonly timestampParam: string;
    /** Milliseconds that an answer may take to begin; a held poll counts too. Default 0: any time. */
    readonly requestTimeout: number;
    /** WebSocket subprotocols to offer. Default none. */
    readonly protocols: readonly string[];
    /** Whether a page that is left closes its connection. Default false. */
    readonly closeOnBeforeunload: boolean;
    /** Classes and functions to use instead of the runtime's globals. */
    readonly transportOptions: TransportOptions;
    /** Time and chance. Default the runtime's; for tests. */
    readonly clock: Clock;
}
/** Where one session's requests go, and what all its transports share. */
export interface Route {
    readonly options: EngineOptions;
    /** `host[:port]`. */
    readonly host: string;
    /** TLS or not. */
    readonly secure: boolean;
    readonly stats: Stats;
    /** Known from the handshake on. */
    sid?: string;
    /** The server's limit for one payload in bytes; 0 until the handshake, or when it has none. */
    maxPayload: number;
    /** The server's patience for a pong, in milliseconds; 0 until the handshake. */
    pingTimeout: number;
}
/** The address of a request of `transport`: `http` or `ws`, with TLS as the route says. */
export declare function address(route: Route, scheme: "http" | "ws", transport: TransportName, wait?: number): string;
