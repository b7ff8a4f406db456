// One Engine.IO session: the handshake, the heartbeat, what waits to be sent, and the transport that carries it now.
//
// A session outlives its transports: the sid, the outbox and the counters are here, so a move from one transport to
// another changes nothing that the layer above can see. It does not reconnect; who owns it makes a new one.
//
// Spec: Engine.IO v4, sections 4 to 7 and 11.

import { systemClock } from "../backoff.js";
import { Emitter, type NoEvents } from "../emitter.js";
import type { BinaryData, Packet } from "./packet.js";
import { takePayload } from "./payload.js";
import {
  TransportError,
  type EngineOptions,
  type Route,
  type Stats,
  type Transport,
  type TransportEvents,
  type TransportName,
} from "./transport.js";
import { polling } from "./transports/polling.js";
import { sse } from "./transports/sse.js";
import { websocket } from "./transports/websocket.js";
import { upgrade, type Upgrade } from "./upgrade.js";

/** Why a session closed, in the protocol's own words, or the server's where it said one of its own. */
export type CloseReason = "forced close" | "transport close" | "transport error" | "ping timeout" | ToldReason;

/** What a server of ours says when a peer is beyond one of its limits. */
export type ToldReason = "slow reader" | "rate limit" | "memory budget";

const TOLD: readonly unknown[] = ["slow reader", "rate limit", "memory budget"];

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

/** Better transports first, whatever order the server names them in. */
const RANKING: readonly TransportName[] = ["websocket", "sse"];

const TRANSPORTS: Record<TransportName, (route: Route, events: TransportEvents) => Transport> = {
  polling,
  sse,
  websocket,
};

/** How long a probe may take: ten round trips, within these bounds in milliseconds. Sockeye transports, 4.2. */
const PROBE_ROUND_TRIPS = 10;
const PROBE_MIN = 3_000;
const PROBE_MAX = 8_000;

/** How long a close waits for what is still to be sent, in milliseconds. */
const CLOSE_WAIT = 5_000;

const DEFAULTS: EngineOptions = {
  path: "/socket.io",
  addTrailingSlash: true,
  transports: ["polling", "websocket"],
  upgrade: true,
  rememberUpgrade: false,
  tryAllTransports: false,
  poll: {},
  query: {},
  extraHeaders: {},
  withCredentials: false,
  forceBase64: false,
  timestampParam: "t",
  requestTimeout: 0,
  protocols: [],
  closeOnBeforeunload: false,
  transportOptions: {},
  clock: systemClock,
};

/** Whether the last upgrade to WebSocket on this page held. */
let websocketWorked = false;

/** One connection to an Engine.IO server. */
export class Session extends Emitter<NoEvents, SessionEvents> {
  /** The Engine.IO protocol spoken. */
  static readonly protocol = 4;

  /** The session id, absent until the handshake. It is a secret; a socket's `id` is not the same. */
  id: string | undefined;
  /** Where the session is in its life. */
  readyState: "opening" | "open" | "closing" | "closed" = "opening";
  /** The transport that carries the session now. */
  transport!: Transport;
  /** What waits to be sent. */
  readonly writeBuffer: Packet[] = [];
  /** The options in force, defaults filled in. */
  readonly opts: EngineOptions;

  private readonly route: Route;
  private names: TransportName[];
  private candidates: TransportName[] = [];
  private upgrade: Upgrade | undefined;
  private upgrading = false;
  private sending = false;
  private openedAt = 0;
  private patience = PROBE_MAX;
  private expiresAt = Infinity;
  private interval = 0;
  private cancelHeartbeat: () => void = () => {};
  private cancelClose: () => void = () => {};
  private readonly undo: (() => void)[] = [];
  private readonly events: TransportEvents = {
    onopen: () => {},
    onpacket: (packet) => this.receive(packet),
    ondrain: () => this.drained(),
    // A ping may have been lost with the old stream; a pong that nobody asked for does no harm.
    onresume: () => this.push({ type: "pong" }),
    onclose: (error, description) => this.lost(error, description),
  };

  /** Connects to `host` (`name[:port]`), with TLS when `secure`. */
  constructor(host: string, secure: boolean, options: Partial<EngineOptions> = {}) {
    super();
    const opts = { ...DEFAULTS };
    // An option that is there and undefined means the default, as when it is absent.
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined) Object.assign(opts, { [name]: value });
    }
    opts.path = opts.path.replace(/\/$/, "") + (opts.addTrailingSlash ? "/" : "");
    this.opts = opts;
    this.route = {
      options: opts,
      host,
      secure,
      maxPayload: 0,
      pingTimeout: 0,
      stats: { requests: 0, bytesUp: 0, bytesDown: 0, messagesUp: 0, messagesDown: 0 },
    };
    this.names = [...opts.transports];
    if (opts.rememberUpgrade && websocketWorked && this.names.includes("websocket")) this.names.unshift("websocket");
    this.listenToPage();
    this.openedAt = opts.clock.now();
    // Not at once, so that who made the session can listen first.
    queueMicrotask(() => this.connect());
  }

  /** What the session's traffic has cost so far, over all its transports. Live: read it again for newer figures. */
  get stats(): Readonly<Stats> {
    return this.route.stats;
  }

  /** Sends a message. Before the session is open it waits; once closing it is dropped. */
  send(data: string | BinaryData): this {
    this.push({ type: "message", data });
    return this;
  }

  /** As `send`. */
  write(data: string | BinaryData): this {
    return this.send(data);
  }

  /** Closes in order: what waits is sent first (for at most 5 s), and an upgrade under way is left to its end. */
  close(): this {
    if (this.readyState === "opening") this.end("forced close");
    else if (this.readyState === "open") {
      this.readyState = "closing";
      this.cancelClose = this.opts.clock.after(CLOSE_WAIT, () => this.end("forced close"));
      this.closeWhenDone();
    }
    return this;
  }

  /**
   * Whether the server's time for a ping is over. Timers stop while a page sleeps, so the answer may come before the
   * `close` that follows from it.
   */
  hasPingExpired(): boolean {
    if (this.opts.clock.now() <= this.expiresAt) return false;
    this.expiresAt = Infinity;
    queueMicrotask(() => this.end("ping timeout"));
    return true;
  }

  private connect(): void {
    const [name] = this.names;
    if (this.readyState !== "opening") return;
    this.cancelHeartbeat();
    if (!name || !TRANSPORTS[name]) return this.lost(new TransportError("no such transport: " + name));
    const transport = (this.transport = TRANSPORTS[name](this.route, this.events));
    // A proxy that holds a stream back until it ends would hold up the whole connection, where another way is known.
    if (name === "sse" && this.names.length > 1) {
      this.cancelHeartbeat = this.opts.clock.after(PROBE_MAX, () => {
        transport.close(false);
        this.lost(new TransportError("sse: no event in time"));
      });
    }
    transport.open();
  }

  private receive(packet: Packet<ArrayBuffer>): void {
    if (this.readyState === "closed") return;
    if (packet.type === "message") this.route.stats.messagesDown++;
    this.fire("packet", packet);
    this.fire("heartbeat");
    switch (packet.type) {
      case "open":
        this.handshake(packet.data);
        break;
      case "ping":
        this.expect();
        this.push({ type: "pong" });
        this.fire("ping");
        this.fire("pong");
        break;
      case "message":
        this.fire("data", packet.data);
        this.fire("message", packet.data);
        break;
    }
  }

  private handshake(json: string | undefined): void {
    const handshake = this.id === undefined ? readHandshake(json) : undefined;
    if (!handshake) {
      return this.lost(new TransportError(`${this.transport.name}: the handshake was not understood`, json));
    }
    const { route, opts, transport } = this;
    this.fire("handshake", handshake);
    this.id = route.sid = handshake.sid;
    route.maxPayload = handshake.maxPayload || 0;
    route.pingTimeout = handshake.pingTimeout;
    this.interval = handshake.pingInterval + handshake.pingTimeout;
    this.patience = Math.min(PROBE_MAX, Math.max(PROBE_MIN, PROBE_ROUND_TRIPS * (opts.clock.now() - this.openedAt)));
    this.expect();
    this.readyState = "open";
    websocketWorked = transport.name === "websocket";
    this.fire("open");
    this.flush();
    if (opts.upgrade && transport.pause) {
      this.candidates = RANKING.filter(
        (name) => name !== transport.name && handshake.upgrades.includes(name) && opts.transports.includes(name),
      );
      this.probe();
    }
  }

  // ---- heartbeat

  private expect(): void {
    const { clock } = this.opts;
    this.cancelHeartbeat();
    this.expiresAt = clock.now() + this.interval;
    this.cancelHeartbeat = clock.after(this.interval, () => this.end("ping timeout"));
  }

  // ---- sending

  private push(packet: Packet): void {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    this.fire("packetCreate", packet);
    this.writeBuffer.push(packet);
    this.flush();
  }

  private flush(): void {
    const { transport, writeBuffer, route, readyState } = this;
    if (readyState !== "open" && readyState !== "closing") return;
    if (this.upgrading || !writeBuffer.length || !transport.writable) return;
    const packets = transport.name === "websocket" ? writeBuffer.splice(0) : takePayload(writeBuffer, route.maxPayload);
    for (const packet of packets) if (packet.type === "message") route.stats.messagesUp++;
    this.sending = true;
    transport.send(packets);
    this.fire("flush");
  }

  private drained(): void {
    this.sending = false;
    if (this.writeBuffer.length) this.flush();
    else this.fire("drain");
    this.closeWhenDone();
  }

  private closeWhenDone(): void {
    if (this.readyState !== "closing" || this.sending || this.writeBuffer.length || this.upgrading) return;
    this.end("forced close");
  }

  // ---- moving to a better transport

  private probe(): void {
    const name = this.candidates.shift();
    if (!name || this.readyState !== "open") return;
    const done = () => {
      this.upgrade = undefined;
      this.upgrading = false;
    };
    const candidate = (events: TransportEvents) => TRANSPORTS[name](this.route, events);
    this.upgrade = upgrade(candidate, this.transport, this.opts.clock, this.patience, {
      onprobed: (candidate) => {
        this.upgrading = true;
        this.fire("upgrading", candidate);
      },
      onmoved: (candidate) => {
        done();
        this.sending = false;
        websocketWorked = name === "websocket";
        candidate.events = this.events;
        this.transport = candidate;
        this.fire("upgrade", candidate);
        this.flush();
        this.closeWhenDone();
      },
      onfail: (error) => {
        done();
        this.fire("upgradeError", error);
        this.flush();
        this.closeWhenDone();
        this.probe();
      },
    });
    this.upgrade.start();
  }

  // ---- the end

  private lost(error?: TransportError, description?: unknown): void {
    if (this.readyState === "closed") return;
    const { names } = this;
    if (this.readyState === "opening") {
      // A server without SSE refuses it, whatever the reason: it is no cause to stay away from the others.
      if (names.length > 1 && (names[0] === "sse" || this.opts.tryAllTransports)) {
        names.shift();
        return this.connect();
      }
      error ||= new TransportError(this.transport.name + ": closed before the handshake", description);
    }
    // Of a refused POST, of a Close frame, or of the packet that closes.
    const { reason } = (error || description || {}) as { reason?: unknown };
    if (TOLD.includes(reason)) return this.end(reason as ToldReason, error || description);
    if (!error) return this.end("transport close", description);
    websocketWorked = false;
    this.fire("error", error);
    this.end("transport error", error);
  }

  private end(reason: CloseReason, description?: unknown): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.cancelHeartbeat();
    this.cancelClose();
    this.upgrade?.cancel();
    this.upgrade = undefined;
    this.transport?.close(true);
    for (const undo of this.undo) undo();
    this.fire("close", reason, description);
    this.writeBuffer.length = 0;
  }

  private listenToPage(): void {
    if (typeof addEventListener !== "function") return;
    const listen = (event: string, listener: () => void) => {
      addEventListener(event, listener);
      this.undo.push(() => removeEventListener(event, listener));
    };
    // Without a network only this machine can be reached, and nothing tells a transport that it is gone.
    if (!/^(localhost|127\.|\[::1])/.test(this.route.host)) {
      listen("offline", () => this.end("transport close", "network connection lost"));
    }
    if (this.opts.closeOnBeforeunload) listen("beforeunload", () => this.end("forced close"));
  }
}

/** The handshake from its JSON, or nothing when a server could not have meant it. Unknown keys are for others. */
function readHandshake(json: string | undefined): Handshake | undefined {
  let value: Partial<Record<keyof Handshake, unknown>> | null;
  try {
    value = JSON.parse(json || "");
  } catch {
    return undefined;
  }
  if (!value || typeof value !== "object") return undefined;
  const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = value;
  if (typeof sid !== "string" || typeof pingInterval !== "number" || typeof pingTimeout !== "number") return undefined;
  return {
    sid,
    upgrades: Array.isArray(upgrades) ? upgrades : [],
    pingInterval,
    pingTimeout,
    ...(typeof maxPayload === "number" && { maxPayload }),
  };
}
