import { Emitter, type NoEvents } from "../emitter.js";
import type { BinaryData, Packet } from "./packet.js";
import { TransportError, type EngineOptions, type Stats, type Transport } from "./transport.js";
/** Why a session closed, in the protocol's own words, or the server's where it said one of its own. */
export type CloseReason = "forced close" | "transport close" | "transport error" | "ping timeout" | ToldReason;
/** What a server of ours says when a peer is beyond one of its limits. */
export type ToldReason = "slow reader" | "rate limit" | "memory budget";
/** What the server said when it opened the session. Times in milliseconds, `maxPayload` in bytes. */
export interface Handshake {
    readonly sid: string;
    readonly upgrades: readonly string[];
    readonly pingInterval: number;
    readonly pingTimeout: number;
    readonly maxPayload?: number;
}
/** What a session tells. */
export interface SessionEvents {
    /** The handshake arrived; the session is about to open. */
    handshake: (handshake: Handshake) => void;
    open: () => void;
    /** Any packet received. */
    packet: (packet: Packet<ArrayBuffer>) => void;
    /** Any packet about to be queued. */
    packetCreate: (packet: Packet) => void;
    /** Anything received shows that the server lives. */
    heartbeat: () => void;
    ping: () => void;
    pong: () => void;
    /** A message; `undefined` when it was empty. */
    message: (data: string | ArrayBuffer | undefined) => void;
    /** As `message`. */
    data: (data: string | ArrayBuffer | undefined) => void;
    /** Packets were handed to the transport. */
    flush: () => void;
    /** Nothing waits to be sent any more. */
    drain: () => void;
    /** A better transport answered its probe, and nothing is sent until it takes over. */
    upgrading: (transport: Transport) => void;
    upgrade: (transport: Transport) => void;
    /** A better transport could not be had; the session goes on as it was. */
    upgradeError: (error: TransportError) => void;
    /** The transport failed; `close` follows if the session had opened. */
    error: (error: TransportError) => void;
    close: (reason: CloseReason, description?: unknown) => void;
}
/** One connection to an Engine.IO server. */
export declare class Session extends Emitter<NoEvents, SessionEvents> {
    /** The Engine.IO protocol spoken. */
    static readonly protocol = 4;
    /** The session id, absent until the handshake. It is a secret; a socket's `id` is not the same. */
    id: string | undefined;
    /** Where the session is in its life. */
    readyState: "opening" | "open" | "closing" | "closed";
    /** The transport that carries the session now. */
    transport: Transport;
    /** What waits to be sent. */
    readonly writeBuffer: Packet[];
    /** The options in force, defaults filled in. */
    readonly opts: EngineOptions;
    private readonly route;
    private names;
    private candidates;
    private upgrade;
    private upgrading;
    private sending;
    private openedAt;
    private patience;
    private expiresAt;
    private interval;
    private cancelHeartbeat;
    private cancelClose;
    private readonly undo;
    private readonly events;
    /** Connects to `host` (`name[:port]`), with TLS when `secure`. */
    constructor(host: string, secure: boolean, options?: Partial<EngineOptions>);
    /** What the session's traffic has cost so far, over all its transports. Live: read it again for newer figures. */
    get stats(): Readonly<Stats>;
    /** Sends a message. Before the session is open it waits; once closing it is dropped. */
    send(data: string | BinaryData): this;
    /** As `send`. */
    write(data: string | BinaryData): this;
    /** Closes in order: what waits is sent first (for at most 5 s), and an upgrade under way is left to its end. */
    close(): this;
    /**
     * Whether the server's time for a ping is over. Timers stop while a page sleeps, so the answer may come before the
     * `close` that follows from it.
     */
    hasPingExpired(): boolean;
    private connect;
    private receive;
    private handshake;
    private expect;
    private push;
    private flush;
    private drained;
    private closeWhenDone;
    private probe;
    private lost;
    private end;
    private listenToPage;
}
