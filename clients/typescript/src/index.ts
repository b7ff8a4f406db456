// The front door of the client: `io()`, and the names that applications import.

import type { DefaultEvents, Events } from "./emitter.js";
import { Connection, type ConnectionOptions } from "./socket/connection.js";
import { Socket as AnySocket, type SocketOptions } from "./socket/socket.js";
import { readAddress } from "./url.js";

/** Options of `io()`: of the connection, of the engine below it, and of the namespace. */
export interface Options extends ConnectionOptions, SocketOptions {
  /** Whether to open a connection of its own instead of sharing one. Default false. */
  readonly forceNew: boolean;
  /** Whether namespaces of one server share a connection. Default true. */
  readonly multiplex: boolean;
}

/** A namespace of a server, as `io()` returns it. */
export type Socket<
  Listen extends Events<Listen> = DefaultEvents,
  Emit extends Events<Emit> = Listen,
> = AnySocket<Listen, Emit, Connection>;
/** The class behind it, for `instanceof`. */
export const Socket = AnySocket;

/** The Socket.IO protocol spoken. */
export const protocol = 5;

/** Connections by server and path, shared by the namespaces that are asked for. */
const connections = new Map<string, Connection>();

/**
 * Connects to the namespace that the path of `uri` names, on the server that the rest of it names; by default to `/`
 * on the page's own server.
 *
 * Namespaces of one server share a connection, unless `forceNew` is set, `multiplex` is false, or the same namespace
 * is asked for twice. Options of the connection count for the first one who asks.
 */
export function io<Listen extends Events<Listen> = DefaultEvents, Emit extends Events<Emit> = Listen>(
  uri?: string | Partial<Options>,
  options?: Partial<Options>,
): Socket<Listen, Emit> {
  const opts = (typeof uri === "object" ? uri : options) || {};
  const address = typeof uri === "string" ? uri : undefined;
  const { secure, host, namespace } = readAddress(address);
  const key = `${secure} ${host} ${opts.path || ""}`;
  const known = connections.get(key);
  const own = opts.forceNew || opts.multiplex === false || known?.has(namespace);
  const connection = own || !known ? new Connection(address, opts) : known;
  if (!own) connections.set(key, connection);
  return connection.socket<Listen, Emit>(namespace, opts);
}

export { io as connect, io as default, Connection, Connection as Manager };
export type { ConnectionEvents, ConnectionOptions } from "./socket/connection.js";
export type { ConnectionOptions as ManagerOptions } from "./socket/connection.js";
export type {
  AnyListener,
  Auth,
  Carrier,
  DisconnectReason,
  SocketEvents,
  SocketOptions,
} from "./socket/socket.js";
export type { AckResult, ArgsWithoutAck, WithAckErrors } from "./socket/acks.js";
export type { Packet as SocketPacket } from "./socket/packet.js";
export type { DefaultEvents, Emitter, EventArgs, EventName, Events, ListenerOf } from "./emitter.js";
export { Session } from "./engine/session.js";
export type { CloseReason, Handshake, SessionEvents } from "./engine/session.js";
export type { BinaryData, Packet as EnginePacket } from "./engine/packet.js";
export type {
  EngineOptions,
  Stats,
  Transport,
  TransportError,
  TransportName,
  TransportOptions,
  WebSocketConstructor,
} from "./engine/transport.js";
export type { Clock } from "./backoff.js";
