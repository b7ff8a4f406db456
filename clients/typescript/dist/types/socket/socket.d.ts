import { Emitter, type DefaultEvents, type EventArgs, type EventName, type Events, type ListenerOf } from "../emitter.js";
import type { Clock } from "../backoff.js";
import type { CloseReason, Session } from "../engine/session.js";
import type { AckResult, ArgsWithoutAck, WithAckErrors } from "./acks.js";
import { type Packet } from "./packet.js";
/** Why a socket disconnected, in the protocol's own words. */
export type DisconnectReason = CloseReason | "io server disconnect" | "io client disconnect" | "parse error";
/** What a socket tells besides the application's events. */
export interface SocketEvents {
    /** The namespace was joined, for the first time or again. */
    connect: () => void;
    /**
     * The namespace or the server could not be reached. A refusal by the server has its `data` on the error, and is not
     * tried again unless `connect()` is called; everything else is.
     */
    connect_error: (error: Error & {
        data?: unknown;
    }) => void;
    /** The namespace was left. `description` is what the runtime said, if anything. */
    disconnect: (reason: DisconnectReason, description?: unknown) => void;
}
/** What the CONNECT packet of a namespace brings to the server, or a function that hands it over when it has it. */
export type Auth = Record<string, unknown> | ((send: (data: Record<string, unknown>) => void) => void);
/** Options of one namespace. */
export interface SocketOptions {
    /** Sent with each CONNECT; a function is asked each time. */
    auth: Auth;
    /** Sends each event again, up to this many times, until it is acknowledged; one at a time. Default: off. */
    retries: number;
    /** How long an acknowledgement may take, in milliseconds, where `timeout()` says nothing. Default: for ever. */
    ackTimeout: number;
}
/** What a socket needs of the connection that carries it. */
export interface Carrier {
    readonly engine: Session | undefined;
    readonly isOpen: boolean;
    readonly clock: Clock;
    readonly autoConnect: boolean;
    /** Opens the connection, unless it is open or on its way. */
    open(): unknown;
}
/** A listener to events of any name. */
export type AnyListener = {
    listen(event: string, ...args: unknown[]): void;
}["listen"];
/** A namespace of a server, as `io()` returns it. */
export declare class Socket<Listen extends Events<Listen> = DefaultEvents, Emit extends Events<Emit> = Listen, Io extends Carrier = Carrier> extends Emitter<Listen, SocketEvents> {
    /** The connection that carries this socket, shared with other namespaces. */
    readonly io: Io;
    /** The namespace. */
    readonly nsp: string;
    private readonly options;
    /** This socket's id at the server, new with each connection; absent while not connected. */
    id: string | undefined;
    /** Whether the namespace is joined. */
    connected: boolean;
    /** Whether the last connection was taken up where the one before broke off, nothing missed. */
    recovered: boolean;
    /** Whether this socket is connected or tries to be. */
    active: boolean;
    /** Events received before the namespace was joined, delivered then. */
    receiveBuffer: (readonly unknown[])[];
    /** Packets emitted while not connected, sent as soon as the namespace is joined. */
    sendBuffer: Packet[];
    /** What the next CONNECT brings. */
    auth: Auth | undefined;
    private flags;
    private ackId;
    private acks;
    private queue;
    private anyListeners;
    private anyOutgoingListeners;
    private pid;
    private lastOffset;
    /** The engine on which a CONNECT waits for its answer: a second one would be a violation. */
    private joining;
    /** Made by a connection, or by `io()`. */
    constructor(
    /** The connection that carries this socket, shared with other namespaces. */
    io: Io, 
    /** The namespace. */
    nsp: string, options?: Partial<SocketOptions>);
    /** Whether the namespace is not joined. */
    get disconnected(): boolean;
    /** Joins the namespace, opening the connection when needed. */
    connect(): this;
    /** As `connect`. */
    open(): this;
    /** Leaves the namespace, and does not come back by itself. The connection closes with its last socket. */
    disconnect(): this;
    /** As `disconnect`. */
    close(): this;
    /**
     * Sends an event. A function as the last argument asks for an acknowledgement and is called with what it brings.
     *
     * While not connected the event waits in `sendBuffer`. Throws when the name is reserved, or when the arguments
     * cannot be written as JSON.
     */
    emit<Event extends EventName<Emit>>(event: Event, ...args: EventArgs<Emit, Event>): this;
    /** Sends the event `message`. */
    send(...args: unknown[]): this;
    /** As `send`. */
    write(...args: unknown[]): this;
    /**
     * Sends an event and promises what its acknowledgement brings first. The promise fails when the time of
     * `timeout()` or `ackTimeout` is over, and when the socket disconnects before the answer.
     */
    emitWithAck<Event extends EventName<Emit>>(event: Event, ...args: ArgsWithoutAck<Emit, Event>): Promise<AckResult<Emit, Event>>;
    /** The next event's acknowledgement may take `ms` milliseconds; its callback gets an error, or `null`, first. */
    timeout(ms: number): Socket<Listen, WithAckErrors<Emit>, Io>;
    /** The next event is dropped when it cannot leave at once; it never waits. */
    get volatile(): this;
    /** Whether the next event may be compressed. Runtimes decide for themselves; kept for the sake of the name. */
    compress(compress: boolean): this;
    /**
     * Adds a listener and returns what removes it again. With `signal`, its abort removes it too; a signal that is
     * aborted already adds nothing. `off` does not know a listener that was added here.
     */
    subscribe<Event extends EventName<SocketEvents> | EventName<Listen>>(event: Event, listener: ListenerOf<Listen, SocketEvents, Event>, { signal }?: {
        signal?: AbortSignal;
    }): () => void;
    /** Adds a listener to every event that arrives, called before the event's own. */
    onAny(listener: AnyListener): this;
    /** As `onAny`, in front of those that stand. */
    prependAny(listener: AnyListener): this;
    /** Removes one listener of `onAny`, or all. */
    offAny(listener?: AnyListener): this;
    /** The listeners of `onAny`. */
    listenersAny(): readonly AnyListener[];
    /** Adds a listener to every event that is sent, called when the event really leaves. */
    onAnyOutgoing(listener: AnyListener): this;
    /** As `onAnyOutgoing`, in front of those that stand. */
    prependAnyOutgoing(listener: AnyListener): this;
    /** Removes one listener of `onAnyOutgoing`, or all. */
    offAnyOutgoing(listener?: AnyListener): this;
    /** The listeners of `onAnyOutgoing`. */
    listenersAnyOutgoing(): readonly AnyListener[];
    private join;
    private joined;
    private refused;
    private leave;
    private flushBuffers;
    private receive;
    private deliver;
    private acknowledgement;
    private push;
    private dispatchOut;
    private sendPacket;
    private expectAck;
    private settle;
    private enqueue;
    private drainQueue;
}
