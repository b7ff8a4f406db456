// The official clients, and the ways in which they may travel.

import { io as newest } from "socket.io-client";
import { io as before } from "socket.io-client-4.8.3";
import { io as first4 } from "socket.io-client-4.0";
import { io as last3 } from "socket.io-client-3";
import last2 from "socket.io-client-2";
import parser from "socket.io-msgpack-parser";

/**
 * Both majors that speak protocol 5, and the last that speaks 4; `timeout()` and `emitWithAck()` came with 4.4 and 4.6.
 * `legacy`: no `auth` and no `volatile`; it pings itself, hears `error` when it is refused, and makes its `id` of the
 * session's by itself, which on our server is not its socket's.
 */
const all = [
  { version: "4.8.4", io: newest, timeouts: true },
  { version: "4.8.3", io: before, timeouts: true },
  { version: "4.0.2", io: first4, timeouts: false },
  { version: "3.1.3", io: last3, timeouts: false },
  { version: "2.5.0", io: last2, timeouts: false, legacy: true },
];

/** Whether packets are MessagePack, on both sides; `PARSER` in the environment says so. */
export const msgpack = process.env.PARSER === "msgpack";

/** With MessagePack the first and the last of protocol 5: the parser that goes with 2.5.0 is another. */
export const versions = all.filter(({ version }) => !msgpack || ["4.8.4", "3.1.3"].includes(version));

const ways = [
  { way: "polling only", transports: ["polling"] },
  { way: "WebSocket only", transports: ["websocket"] },
  { way: "upgrade", transports: ["polling", "websocket"] },
];

/** These clients, over every way. */
export const travelling = (versions) =>
  versions.flatMap((client) => ways.map((way) => ({ ...client, ...way, name: `${client.version}, ${way.way}` })));

/** Every official client over every way. */
export const clients = travelling(versions);

/** How long anything may take that is not about time itself. */
export const PATIENCE = 10_000;

/** The sockets of one test; `close` leaves none of them open. */
export class Sockets {
  #client;
  #url;
  #open = [];

  constructor(client, url) {
    this.#client = client;
    this.#url = url;
  }

  /** A socket with a connection of its own that has not begun to connect. */
  idle(namespace = "/", options = {}) {
    const socket = this.#client.io(this.#url + namespace, {
      transports: this.#client.transports,
      forceNew: true,
      autoConnect: false,
      reconnection: false,
      ...(msgpack && { parser }),
      ...options,
    });
    this.#open.push(socket);
    return socket;
  }

  /** A connected socket. */
  async connected(namespace = "/", options = {}) {
    const socket = this.idle(namespace, options);
    const connected = next(socket, "connect");
    socket.connect();
    await connected;
    return socket;
  }

  /** A connected socket that has reached the last of its transports. */
  async settled(namespace = "/", options = {}) {
    const socket = await this.connected(namespace, options);
    if (socket.io.engine.transport.name !== this.#client.transports.at(-1)) await next(socket.io.engine, "upgrade");
    return socket;
  }

  /** A second namespace on the connection of `socket`. */
  async beside(socket, namespace) {
    const other = socket.io.socket(namespace, {});
    this.#open.push(other);
    const connected = next(other, "connect");
    other.connect();
    await connected;
    return other;
  }

  close() {
    for (const socket of this.#open.splice(0)) {
      socket.io.reconnection(false);
      socket.disconnect();
      // A manager that never opened, or whose sockets all left by themselves, may still hold a connection.
      socket.io.engine?.close();
    }
  }
}

/** How clients tell that they were refused: since 3.0, and before. */
const REFUSALS = ["connect_error", "error"];

/** The arguments of the next `event`; fails when it does not come, or the connection ends first. */
export function next(emitter, event, patience = PATIENCE) {
  return new Promise((resolve, reject) => {
    const heard = (...args) => { settle(); resolve(args); };
    const failed = (error) => { settle(); reject(new Error(`waiting for ${event}: ${error.message ?? error}`, { cause: error })); };
    const timer = setTimeout(() => failed(new Error(`nothing within ${patience} ms`)), patience);
    const settle = () => {
      clearTimeout(timer);
      emitter.off(event, heard);
      for (const refusal of refusals) emitter.off(refusal, failed);
    };
    // Before 3.0 a failing transport is an `error`, too, and then the disconnect that was waited for.
    const refusals = event === "disconnect" ? ["connect_error"] : REFUSALS.filter((refusal) => refusal !== event);
    emitter.on(event, heard);
    for (const refusal of refusals) emitter.on(refusal, failed);
  });
}

/** What the server acknowledges `event` with. */
export function acknowledged(socket, event, ...args) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ack of ${event} within ${PATIENCE} ms`)), PATIENCE);
    socket.emit(event, ...args, (...answer) => { clearTimeout(timer); resolve(answer); });
  });
}

/** A word that no other test uses: the server is shared. */
export const unique = (() => {
  let count = 0;
  return (word) => `${word}-${process.pid}-${count++}`;
})();
