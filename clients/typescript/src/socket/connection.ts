// The connection to one server: its engine session, made anew when it breaks, and the sockets that share it.
//
// Known as `Manager` in the official client, and exported under that name too.
//
// Spec: spec/socketio.md 3, 5 and 8.

import { Backoff, systemClock, type Clock } from "../backoff.js";
import { call, Emitter, type DefaultEvents, type Events, type NoEvents } from "../emitter.js";
import { Session, type CloseReason } from "../engine/session.js";
import type { EngineOptions } from "../engine/transport.js";
import { readAddress, type Target } from "../url.js";
import type { Packet } from "./packet.js";
import { Decoder, encode, MAX_ATTACHMENTS } from "./parser.js";
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

/** The options that can be changed while the connection lives. */
type Settings = {
  -readonly [Name in
    | "reconnection"
    | "reconnectionAttempts"
    | "reconnectionDelay"
    | "reconnectionDelayMax"
    | "randomizationFactor"
    | "timeout"]: ConnectionOptions[Name];
};

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
export class Connection extends Emitter<NoEvents, ConnectionEvents> implements Carrier {
  /** The engine session, the last one while none is open. A new one with each reconnection. */
  engine: Session | undefined;
  /** The options as given. */
  readonly opts: Partial<ConnectionOptions>;
  /** Time and chance. */
  readonly clock: Clock;
  /** Whether sockets connect by themselves. */
  readonly autoConnect: boolean;

  private readonly target: Target;
  private readonly sockets = new Map<string, Socket<never, never, Connection>>();
  private readonly backoff = new Backoff();
  private readyState: "closed" | "opening" | "open" = "closed";
  private decoder = new Decoder();
  private readonly settings: Settings;
  private reconnecting = false;
  private cancelTimeout: () => void = () => {};
  private cancelReconnect: () => void = () => {};

  /** Connects to `uri` (default: the page's own server). The path of the address does not matter here. */
  constructor(uri?: string | Partial<ConnectionOptions>, options?: Partial<ConnectionOptions>) {
    super();
    const opts = (typeof uri === "object" ? uri : options) || {};
    this.target = readAddress(typeof uri === "string" ? uri : undefined);
    this.opts = opts;
    this.clock = opts.clock || systemClock;
    this.autoConnect = opts.autoConnect ?? true;
    this.settings = {
      reconnection: opts.reconnection ?? true,
      reconnectionAttempts: opts.reconnectionAttempts || Infinity,
      reconnectionDelay: opts.reconnectionDelay ?? 1_000,
      reconnectionDelayMax: opts.reconnectionDelayMax ?? 5_000,
      randomizationFactor: opts.randomizationFactor ?? 0.5,
      timeout: opts.timeout ?? 20_000,
    };
    if (this.autoConnect) this.open();
  }

  /** Whether packets can be sent. */
  get isOpen(): boolean {
    return this.readyState === "open";
  }

  /** The socket of a namespace: the same one each time. Options count when it is made. */
  socket<Listen extends Events<Listen> = DefaultEvents, Emit extends Events<Emit> = Listen>(
    nsp: string,
    options?: Partial<SocketOptions>,
  ): Socket<Listen, Emit, Connection> {
    // What the application says about its events' types is its claim; a socket is the same whatever they are.
    type Wanted = Socket<Listen, Emit, Connection>;
    const known = this.sockets.get(nsp) as Wanted | undefined;
    if (known) {
      if (this.autoConnect && !known.active) known.connect();
      return known;
    }
    const socket: Wanted = new Socket<Listen, Emit, Connection>(this, nsp, options);
    this.sockets.set(nsp, socket as unknown as Socket<never, never, Connection>);
    return socket;
  }

  /** Whether a socket of that namespace exists. */
  has(nsp: string): boolean {
    return this.sockets.has(nsp);
  }

  /**
   * Opens the connection, unless it is open, on its way, or waiting for its next attempt. `done` hears how the attempt
   * that begins here ends, and nothing when none begins.
   */
  open(done?: (error?: Error) => void): this {
    if (this.readyState === "closed" && !this.reconnecting) this.attempt(done);
    return this;
  }

  /** As `open`. */
  connect(done?: (error?: Error) => void): this {
    return this.open(done);
  }

  /** Closes the connection and gives up reconnecting. */
  disconnect(): void {
    this.stopReconnecting();
    this.closed("forced close", undefined, false);
  }

  /** As `disconnect`. */
  close(): void {
    this.disconnect();
  }

  /** The option `reconnection`, read or changed. */
  reconnection(): boolean;
  reconnection(value: boolean): this;
  reconnection(value?: boolean): boolean | this {
    if (value === false) this.stopReconnecting();
    return this.setting("reconnection", value);
  }

  /** The option `reconnectionAttempts`, read or changed. */
  reconnectionAttempts(): number;
  reconnectionAttempts(value: number): this;
  reconnectionAttempts(value?: number): number | this {
    return this.setting("reconnectionAttempts", value);
  }

  /** The option `reconnectionDelay`, read or changed. */
  reconnectionDelay(): number;
  reconnectionDelay(value: number): this;
  reconnectionDelay(value?: number): number | this {
    return this.setting("reconnectionDelay", value);
  }

  /** The option `reconnectionDelayMax`, read or changed. */
  reconnectionDelayMax(): number;
  reconnectionDelayMax(value: number): this;
  reconnectionDelayMax(value?: number): number | this {
    return this.setting("reconnectionDelayMax", value);
  }

  /** The option `randomizationFactor`, read or changed. */
  randomizationFactor(): number;
  randomizationFactor(value: number): this;
  randomizationFactor(value?: number): number | this {
    return this.setting("randomizationFactor", value);
  }

  /** The option `timeout`, read or changed. */
  timeout(): number | false;
  timeout(value: number | false): this;
  timeout(value?: number | false): number | false | this {
    return this.setting("timeout", value);
  }

  /** @internal Sends a packet now: attachments directly behind their packet. */
  sendPacket(packet: Packet): void {
    for (const message of encode(packet)) this.engine?.send(message);
  }

  /** @internal A socket left. */
  release(): void {
    for (const socket of this.sockets.values()) if (socket.active) return;
    this.disconnect();
  }

  private setting<Name extends keyof Settings>(name: Name, value: Settings[Name] | undefined): Settings[Name] | this {
    if (value === undefined) return this.settings[name];
    this.settings[name] = value;
    return this;
  }

  private attempt(done?: (error?: Error) => void): void {
    this.readyState = "opening";
    const { host, secure, query } = this.target;
    const engine = new Session(host, secure, { ...(query && { query }), ...this.opts });
    this.engine = engine;
    const current = () => this.engine === engine && this.readyState !== "closed";
    const fail = (error: Error) => {
      this.cancelTimeout();
      this.readyState = "closed";
      this.failed(error);
      if (done) call(done, this, [error]);
      // The first attempt begins the series; later ones are told to `done`.
      else if (this.settings.reconnection && !this.reconnecting && !this.backoff.attempts) this.reconnect();
    };
    engine.on("open", () => {
      if (!current()) return;
      this.opened();
      if (done) call(done, this, []);
    });
    engine.on("error", (error) => {
      if (!current()) return;
      if (this.readyState === "opening") fail(error);
      else this.failed(error);
    });
    engine.on("close", (reason, description) => {
      if (!current()) return;
      if (this.readyState === "opening") fail(new Error(reason));
      else this.closed(reason, description);
    });
    engine.on("ping", () => current() && this.fire("ping"));
    engine.on("message", (data) => current() && this.receive(data));
    const { timeout } = this.settings;
    if (timeout !== false) {
      this.cancelTimeout = this.clock.after(timeout, () => {
        if (!current()) return;
        fail(new Error("timeout"));
        engine.close();
      });
    }
  }

  private opened(): void {
    this.cancelTimeout();
    this.readyState = "open";
    this.decoder = new Decoder(this.opts.maxAttachments ?? MAX_ATTACHMENTS);
    this.fire("open");
    // What `auth` throws, or what has no JSON form, is that socket's own trouble.
    for (const socket of this.sockets.values()) call(() => socket.handleOpen(), socket, []);
  }

  private failed(error: Error): void {
    this.fire("error", error);
    for (const socket of this.sockets.values()) socket.handleError(error);
  }

  private receive(data: string | ArrayBuffer | undefined): void {
    let packet: Packet | undefined;
    try {
      packet = this.decoder.add(data);
    } catch (error) {
      this.closed("parse error", error);
      return;
    }
    if (!packet) return;
    this.fire("packet", packet);
    this.sockets.get(packet.nsp)?.handlePacket(packet);
  }

  private closed(reason: CloseReason | "parse error", description: unknown, again = true): void {
    if (this.readyState === "closed") return;
    this.cancelTimeout();
    this.readyState = "closed";
    this.engine?.close();
    this.fire("close", reason, description);
    for (const socket of this.sockets.values()) if (socket.active) socket.handleClose(reason, description);
    if (again && this.settings.reconnection && this.readyState === "closed") this.reconnect();
  }

  // The next series begins from its beginning.
  private stopReconnecting(): void {
    this.reconnecting = false;
    this.cancelReconnect();
    this.backoff.reset();
  }

  private reconnect(): void {
    if (this.reconnecting) return;
    const { backoff, clock, settings } = this;
    if (backoff.attempts >= settings.reconnectionAttempts) {
      backoff.reset();
      this.fire("reconnect_failed");
      return;
    }
    this.reconnecting = true;
    const attempt = () => {
      this.cancelReconnect();
      this.fire("reconnect_attempt", backoff.attempts);
      // A listener may have given up.
      if (!this.reconnecting) return;
      this.attempt((error) => {
        if (!this.reconnecting) return;
        this.reconnecting = false;
        if (error) {
          this.reconnect();
          this.fire("reconnect_error", error);
        } else {
          const { attempts } = backoff;
          backoff.reset();
          this.fire("reconnect", attempts);
        }
      });
    };
    const { reconnectionDelay, reconnectionDelayMax, randomizationFactor } = settings;
    const delay = backoff.next(reconnectionDelay, reconnectionDelayMax, randomizationFactor, clock.random());
    const cancelTimer = clock.after(delay, attempt);
    const stopListening = onOnline(attempt);
    this.cancelReconnect = () => {
      cancelTimer();
      stopListening();
    };
  }
}

/** Calls `listener` when the network is back, where the runtime tells: then there is no point in waiting longer. */
function onOnline(listener: () => void): () => void {
  if (typeof addEventListener !== "function") return () => {};
  addEventListener("online", listener);
  return () => removeEventListener("online", listener);
}
