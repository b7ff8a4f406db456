// One namespace of a connection: what the application holds.
//
// Names and behaviour are those of the official client. What it adds: `subscribe`, which returns its undo.
//
// Knows of its connection only what `Carrier` says; the connection calls the `handle...` methods.
//
// Spec: Socket.IO protocol 5; spec/socketio.md 3 to 5 and 8.

import {
  call,
  Emitter,
  report,
  type DefaultEvents,
  type EventArgs,
  type EventName,
  type Events,
  type ListenerOf,
} from "../emitter.js";
import type { Clock } from "../backoff.js";
import type { CloseReason, Session } from "../engine/session.js";
import type { AckResult, ArgsWithoutAck, WithAckErrors } from "./acks.js";
import {
  ACK,
  CONNECT,
  CONNECT_ERROR,
  DISCONNECT,
  EVENT,
  RESERVED,
  type ConnectErrorPacket,
  type ConnectPacket,
  type EventPacket,
  type Packet,
} from "./packet.js";

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
  connect_error: (error: Error & { data?: unknown }) => void;
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
  /** @internal Sends a packet now. */
  sendPacket(packet: Packet): void;
  /** @internal A socket left: a connection that nobody uses closes. */
  release(): void;
}

/** A listener to events of any name. */
export type AnyListener = { listen(event: string, ...args: unknown[]): void }["listen"];

type AckListener = (...args: never[]) => void;

interface PendingAck {
  readonly listener: AckListener;
  /** Whether the listener gets an error first, and so hears of failures too. */
  readonly errorFirst: boolean;
  readonly cancelTimeout: (() => void) | undefined;
}

interface Flags {
  volatile?: boolean;
  compress?: boolean;
  timeout?: number;
}

/** An event that is sent again until it is acknowledged. */
interface Retried {
  readonly args: readonly unknown[];
  readonly flags: Flags;
  readonly done: AckListener | undefined;
  tries: number;
  pending: boolean;
}

/** A namespace of a server, as `io()` returns it. */
export class Socket<
  Listen extends Events<Listen> = DefaultEvents,
  Emit extends Events<Emit> = Listen,
  Io extends Carrier = Carrier,
> extends Emitter<Listen, SocketEvents> {
  /** This socket's id at the server, new with each connection; absent while not connected. */
  id: string | undefined;
  /** Whether the namespace is joined. */
  connected = false;
  /** Whether the last connection was taken up where the one before broke off, nothing missed. */
  recovered = false;
  /** Whether this socket is connected or tries to be. */
  active = false;
  /** Events received before the namespace was joined, delivered then. */
  receiveBuffer: (readonly unknown[])[] = [];
  /** Packets emitted while not connected, sent as soon as the namespace is joined. */
  sendBuffer: Packet[] = [];
  /** What the next CONNECT brings. */
  auth: Auth | undefined;

  private flags: Flags = {};
  private ackId = 0;
  private acks = new Map<number, PendingAck>();
  private queue: Retried[] = [];
  private anyListeners: AnyListener[] = [];
  private anyOutgoingListeners: AnyListener[] = [];
  private pid: string | undefined;
  private lastOffset: string | undefined;
  /** The engine on which a CONNECT waits for its answer: a second one would be a violation. */
  private joining: Session | undefined;

  /** Made by a connection, or by `io()`. */
  constructor(
    /** The connection that carries this socket, shared with other namespaces. */
    readonly io: Io,
    /** The namespace. */
    readonly nsp: string,
    private readonly options: Partial<SocketOptions> = {},
  ) {
    super();
    this.auth = options.auth;
    if (io.autoConnect) this.connect();
  }

  /** Whether the namespace is not joined. */
  get disconnected(): boolean {
    return !this.connected;
  }

  /** Joins the namespace, opening the connection when needed. */
  connect(): this {
    if (!this.connected) {
      this.active = true;
      this.io.open();
      if (this.io.isOpen) this.handleOpen();
    }
    return this;
  }

  /** As `connect`. */
  open(): this {
    return this.connect();
  }

  /** Leaves the namespace, and does not come back by itself. The connection closes with its last socket. */
  disconnect(): this {
    const { connected } = this;
    if (connected) this.io.sendPacket({ type: DISCONNECT, nsp: this.nsp });
    this.leave();
    if (connected) this.handleClose("io client disconnect");
    return this;
  }

  /** As `disconnect`. */
  close(): this {
    return this.disconnect();
  }

  /**
   * Sends an event. A function as the last argument asks for an acknowledgement and is called with what it brings.
   *
   * While not connected the event waits in `sendBuffer`. Throws when the name is reserved, or when the arguments
   * cannot be written as JSON.
   */
  emit<Event extends EventName<Emit>>(event: Event, ...args: EventArgs<Emit, Event>): this {
    return this.push([event, ...args]);
  }

  /** Sends the event `message`. */
  send(...args: unknown[]): this {
    return this.push(["message", ...args]);
  }

  /** As `send`. */
  write(...args: unknown[]): this {
    return this.send(...args);
  }

  /**
   * Sends an event and promises what its acknowledgement brings first. The promise fails when the time of
   * `timeout()` or `ackTimeout` is over, and when the socket disconnects before the answer.
   */
  emitWithAck<Event extends EventName<Emit>>(
    event: Event,
    ...args: ArgsWithoutAck<Emit, Event>
  ): Promise<AckResult<Emit, Event>> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, value: AckResult<Emit, Event>) => (error ? reject(error) : resolve(value));
      this.push([event, ...args, done], true);
    });
  }

  /** The next event's acknowledgement may take `ms` milliseconds; its callback gets an error, or `null`, first. */
  timeout(ms: number): Socket<Listen, WithAckErrors<Emit>, Io> {
    this.flags.timeout = ms;
    return this as unknown as Socket<Listen, WithAckErrors<Emit>, Io>;
  }

  /** The next event is dropped when it cannot leave at once; it never waits. */
  get volatile(): this {
    this.flags.volatile = true;
    return this;
  }

  /** Whether the next event may be compressed. Runtimes decide for themselves; kept for the sake of the name. */
  compress(compress: boolean): this {
    this.flags.compress = compress;
    return this;
  }

  /**
   * Adds a listener and returns what removes it again. With `signal`, its abort removes it too; a signal that is
   * aborted already adds nothing. `off` does not know a listener that was added here.
   */
  subscribe<Event extends EventName<SocketEvents> | EventName<Listen>>(
    event: Event,
    listener: ListenerOf<Listen, SocketEvents, Event>,
    { signal }: { signal?: AbortSignal } = {},
  ): () => void {
    if (signal?.aborted) return () => {};
    // Its own function, so that the same listener subscribed twice is undone one by one.
    const own = ((...args: never[]) => (listener as AckListener).apply(this, args)) as typeof listener;
    const undo = () => {
      this.off(event, own);
      signal?.removeEventListener("abort", undo);
    };
    this.on(event, own);
    signal?.addEventListener("abort", undo);
    return undo;
  }

  /** Adds a listener to every event that arrives, called before the event's own. */
  onAny(listener: AnyListener): this {
    this.anyListeners = [...this.anyListeners, listener];
    return this;
  }

  /** As `onAny`, in front of those that stand. */
  prependAny(listener: AnyListener): this {
    this.anyListeners = [listener, ...this.anyListeners];
    return this;
  }

  /** Removes one listener of `onAny`, or all. */
  offAny(listener?: AnyListener): this {
    this.anyListeners = without(this.anyListeners, listener);
    return this;
  }

  /** The listeners of `onAny`. */
  listenersAny(): readonly AnyListener[] {
    return this.anyListeners;
  }

  /** Adds a listener to every event that is sent, called when the event really leaves. */
  onAnyOutgoing(listener: AnyListener): this {
    this.anyOutgoingListeners = [...this.anyOutgoingListeners, listener];
    return this;
  }

  /** As `onAnyOutgoing`, in front of those that stand. */
  prependAnyOutgoing(listener: AnyListener): this {
    this.anyOutgoingListeners = [listener, ...this.anyOutgoingListeners];
    return this;
  }

  /** Removes one listener of `onAnyOutgoing`, or all. */
  offAnyOutgoing(listener?: AnyListener): this {
    this.anyOutgoingListeners = without(this.anyOutgoingListeners, listener);
    return this;
  }

  /** The listeners of `onAnyOutgoing`. */
  listenersAnyOutgoing(): readonly AnyListener[] {
    return this.anyOutgoingListeners;
  }

  // ---- called by the connection

  /** @internal The connection is open: join. */
  handleOpen(): void {
    const { engine } = this.io;
    if (!this.active || this.connected || this.joining === engine) return;
    this.joining = engine;
    const { auth } = this;
    if (typeof auth !== "function") return this.join(auth);
    // An answer that comes when that connection is gone is not for the next one, which asks again.
    auth.call(this, (data) => this.joining === engine && this.io.isOpen && this.join(data));
  }

  /** @internal The connection could not be made, or failed. */
  handleError(error: Error): void {
    if (this.active && !this.connected) this.fire("connect_error", error);
  }

  /** @internal The connection is gone. */
  handleClose(reason: DisconnectReason, description?: unknown): void {
    this.connected = false;
    this.id = undefined;
    this.joining = undefined;
    this.fire("disconnect", reason, description);
    const buffered = new Set(this.sendBuffer.map((packet) => packet.id));
    for (const id of [...this.acks.keys()]) {
      if (!buffered.has(id)) this.settle(id, new Error("socket has been disconnected"));
    }
  }

  /** @internal A packet for this namespace arrived. */
  handlePacket(packet: Packet): void {
    // To a socket that has left, only the late answer to its CONNECT means anything.
    if (!this.active && packet.type !== CONNECT) {
      if (packet.type === CONNECT_ERROR) this.joining = undefined;
      return;
    }
    switch (packet.type) {
      case CONNECT:
        return this.joined(packet);
      case EVENT:
        return this.receive(packet);
      case ACK:
        if (packet.id !== undefined) this.settle(packet.id, null, packet.data || []);
        return;
      case DISCONNECT:
        this.leave();
        return this.handleClose("io server disconnect");
      case CONNECT_ERROR:
        this.refused(packet);
    }
  }

  // ---- joining and leaving

  private join(auth: Record<string, unknown> | undefined): void {
    const { pid, lastOffset } = this;
    const data = pid ? { pid, offset: lastOffset, ...auth } : auth;
    this.io.sendPacket({ type: CONNECT, nsp: this.nsp, ...(data && { data }) });
  }

  private joined({ data }: ConnectPacket): void {
    this.joining = undefined;
    if (!this.active) {
      // Left while the answer was under way: the server has to be told.
      this.io.sendPacket({ type: DISCONNECT, nsp: this.nsp });
      return;
    }
    if (typeof data?.sid !== "string") {
      this.fire("connect_error", new Error("the server speaks an older protocol, it gave no socket id"));
      return;
    }
    const pid = typeof data.pid === "string" ? data.pid : undefined;
    this.id = data.sid;
    this.recovered = pid !== undefined && pid === this.pid;
    this.pid = pid;
    this.connected = true;
    this.flushBuffers();
    this.drainQueue();
    if (this.connected) this.fire("connect");
  }

  private refused({ data }: ConnectErrorPacket): void {
    this.joining = undefined;
    this.leave();
    const { message, data: details } = typeof data === "string" ? { message: data, data: undefined } : data || {};
    this.fire("connect_error", Object.assign(new Error(message as string), { data: details }));
  }

  private leave(): void {
    if (!this.active) return;
    this.active = false;
    this.io.release();
  }

  // What came early is delivered before what was held back is sent; both before the `connect` listeners run.
  private flushBuffers(): void {
    const received = this.receiveBuffer;
    this.receiveBuffer = [];
    for (const args of received) this.deliver(args);
    while (this.connected && this.sendBuffer.length) {
      const packet = this.sendBuffer.shift()!;
      try {
        this.sendPacket(packet);
      } catch (error) {
        // Data that has no JSON form: `emit` was over long ago, and what waits behind it goes on.
        report(error);
      }
    }
  }

  // ---- receiving

  private receive({ data = [], id }: EventPacket): void {
    const args = id === undefined ? data : [...data, this.acknowledgement(id)];
    if (this.connected) this.deliver(args);
    else if (this.active) this.receiveBuffer.push(args);
  }

  private deliver(args: readonly unknown[]): void {
    for (const listener of this.anyListeners) call(listener, this, args);
    this.dispatch(String(args[0]), args.slice(1));
    const last = args[args.length - 1];
    if (this.pid && typeof last === "string") this.lastOffset = last;
  }

  private acknowledgement(id: number): (...args: unknown[]) => void {
    const { engine } = this.io;
    let sent = false;
    return (...data) => {
      if (sent) return;
      sent = true;
      // The id means nothing on another connection, or something else.
      if (this.connected && this.io.engine === engine) this.io.sendPacket({ type: ACK, nsp: this.nsp, id, data });
    };
  }

  // ---- sending

  private push(args: readonly unknown[], errorFirst = false): this {
    const { flags, options } = this;
    this.flags = {};
    if (RESERVED.has(args[0])) throw new Error(`"${String(args[0])}" is a reserved event name`);
    if (options.retries && !flags.volatile) this.enqueue(args, flags);
    else this.dispatchOut(args, flags, errorFirst);
    return this;
  }

  private dispatchOut(args: readonly unknown[], flags: Flags, errorFirst: boolean): void {
    const { engine } = this.io;
    let packet: Packet = { type: EVENT, nsp: this.nsp, data: args };
    const listener = args[args.length - 1];
    if (typeof listener === "function") {
      const id = this.ackId++;
      packet = { ...packet, id, data: args.slice(0, -1) };
      this.expectAck(id, listener as AckListener, flags, errorFirst);
    }
    if (flags.volatile && !(this.connected && engine?.transport.writable)) return;
    if (this.connected && !engine?.hasPingExpired()) this.sendPacket(packet);
    else this.sendBuffer.push(packet);
  }

  private sendPacket(packet: Packet): void {
    if (packet.type === EVENT && packet.data) {
      for (const listener of this.anyOutgoingListeners) call(listener, this, packet.data);
    }
    this.io.sendPacket(packet);
  }

  private expectAck(id: number, listener: AckListener, flags: Flags, errorFirst: boolean): void {
    const ms = flags.timeout ?? this.options.ackTimeout;
    const cancelTimeout =
      ms === undefined
        ? undefined
        : this.io.clock.after(ms, () => {
            // An event that was never sent and that nobody waits for any more stays unsent.
            this.sendBuffer = this.sendBuffer.filter((packet) => packet.id !== id);
            this.settle(id, new Error("operation has timed out"));
          });
    this.acks.set(id, { listener, errorFirst: errorFirst || ms !== undefined, cancelTimeout });
  }

  private settle(id: number, error: Error | null, args: readonly unknown[] = []): void {
    const ack = this.acks.get(id);
    if (!ack) return;
    this.acks.delete(id);
    ack.cancelTimeout?.();
    if (ack.errorFirst) call(ack.listener, this, [error, ...args]);
    else if (!error) call(ack.listener, this, args);
  }

  // ---- sending until acknowledged: one event at a time, in order

  private enqueue(args: readonly unknown[], flags: Flags): void {
    const last = args[args.length - 1];
    const done = typeof last === "function" ? (last as AckListener) : undefined;
    this.queue.push({ args: done ? args.slice(0, -1) : args, flags, done, tries: 0, pending: false });
    this.drainQueue();
  }

  // An attempt ends with its acknowledgement, its time-out or a disconnect, whichever comes first, and only once.
  private drainQueue(): void {
    const [entry] = this.queue;
    if (!this.connected || !entry || entry.pending) return;
    entry.pending = true;
    entry.tries++;
    const answered = (error: Error | null, ...results: unknown[]) => {
      entry.pending = false;
      if (!error || entry.tries > this.options.retries!) {
        this.queue.shift();
        if (entry.done) call(entry.done, this, error ? [error] : [null, ...results]);
      }
      this.drainQueue();
    };
    this.dispatchOut([...entry.args, answered], entry.flags, true);
  }
}

function without(listeners: AnyListener[], listener: AnyListener | undefined): AnyListener[] {
  const index = listener ? listeners.indexOf(listener) : -1;
  if (!listener) return [];
  return index < 0 ? listeners : [...listeners.slice(0, index), ...listeners.slice(index + 1)];
}
