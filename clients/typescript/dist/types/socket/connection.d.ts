import { type Clock } from "../backoff.js";
import { Emitter, type DefaultEvents, type Events, type NoEvents } from "../emitter.js";
import { Session, type CloseReason } from "../engine/session.js";
import type { EngineOptions } from "../engine/transport.js";
import type { Packet } from "./packet.js";
import { Socket, type Carrier, type SocketOptions } from "./socket.js";
/** Options of a connection; those of the engine are handed down. Times in milliseconds. */
export interface ConnectionOptions extends EngineOptions {
    /** Whether to connect again after a loss. Default true. */
    readonly reconnection: boolean;
    /** How often in a row that may fail. Default `Infinity`. */
    readonly reconnectionAttempts: number;
    /** The first wait. Default 1,000. */
    readonly reconnectionDelay: number;
    /** The longest wait. Default 5,000. */
    readonly reconnectionDelayMax: number;
    /** How far a wait is spread, from 0 to 1. Default 0.5. */
    readonly randomizationFactor: number;
    /** How long a connection attempt may take; `false` for ever. Default 20,000. */
    readonly timeout: number | false;
    /** Whether to connect at once. Default true. */
    readonly autoConnect: boolean;
    /** How many attachments one received packet may have. Default 10. */
    readonly maxAttachments: number;
}
/** What a connection tells. */
export interface ConnectionEvents {
    open: () => void;
    error: (error: Error) => void;
    /** The server's heartbeat arrived. */
    ping: () => void;
    packet: (packet: Packet) => void;
    close: (reason: CloseReason | "parse error", description?: unknown) => void;
    /** An attempt begins; `attempt` counts from 1. */
    reconnect_attempt: (attempt: number) => void;
    reconnect: (attempt: number) => void;
    reconnect_error: (error: Error) => void;
    /** `reconnectionAttempts` failed, there will be no more. */
    reconnect_failed: () => void;
}
/** One connection to a server, shared by any number of namespaces. */
export declare class Connection extends Emitter<NoEvents, ConnectionEvents> implements Carrier {
    /** The engine session, the last one while none is open. A new one with each reconnection. */
    engine: Session | undefined;
    /** The options as given. */
    readonly opts: Partial<ConnectionOptions>;
    /** Time and chance. */
    readonly clock: Clock;
    /** Whether sockets connect by themselves. */
    readonly autoConnect: boolean;
    private readonly target;
    private readonly sockets;
    private readonly backoff;
    private readyState;
    private decoder;
    private readonly settings;
    private reconnecting;
    private cancelTimeout;
    private cancelReconnect;
    /** Connects to `uri` (default: the page's own server). The path of the address does not matter here. */
    constructor(uri?: string | Partial<ConnectionOptions>, options?: Partial<ConnectionOptions>);
    /** Whether packets can be sent. */
    get isOpen(): boolean;
    /** The socket of a namespace: the same one each time. Options count when it is made. */
    socket<Listen extends Events<Listen> = DefaultEvents, Emit extends Events<Emit> = Listen>(nsp: string, options?: Partial<SocketOptions>): Socket<Listen, Emit, Connection>;
    /** Whether a socket of that namespace exists. */
    has(nsp: string): boolean;
    /**
     * Opens the connection, unless it is open, on its way, or waiting for its next attempt. `done` hears how the attempt
     * that begins here ends, and nothing when none begins.
     */
    open(done?: (error?: Error) => void): this;
    /** As `open`. */
    connect(done?: (error?: Error) => void): this;
    /** Closes the connection and gives up reconnecting. */
    disconnect(): void;
    /** As `disconnect`. */
    close(): void;
    /** The option `reconnection`, read or changed. */
    reconnection(): boolean;
    reconnection(value: boolean): this;
    /** The option `reconnectionAttempts`, read or changed. */
    reconnectionAttempts(): number;
    reconnectionAttempts(value: number): this;
    /** The option `reconnectionDelay`, read or changed. */
    reconnectionDelay(): number;
    reconnectionDelay(value: number): this;
    /** The option `reconnectionDelayMax`, read or changed. */
    reconnectionDelayMax(): number;
    reconnectionDelayMax(value: number): this;
    /** The option `randomizationFactor`, read or changed. */
    randomizationFactor(): number;
    randomizationFactor(value: number): this;
    /** The option `timeout`, read or changed. */
    timeout(): number | false;
    timeout(value: number | false): this;
    private setting;
    private attempt;
    private opened;
    private failed;
    private receive;
    private closed;
    private stopReconnecting;
    private reconnect;
}
