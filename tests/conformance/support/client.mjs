// The official client, unmodified.

import { io } from "socket.io-client";
import { PATIENCE, within } from "./time.mjs";

/** The ways it takes, by the name that a case shows. */
export const ways = {
  "polling": { transports: ["polling"] },
  "WebSocket": { transports: ["websocket"] },
  "polling, then upgrade": {},
};

/** A socket of its own connection, closed when the case `t` ends; it does not connect again by itself. */
export function client(t, server, namespace = "/", options = {}) {
  const socket = io(server.http + namespace, { forceNew: true, reconnection: false, ...options });
  t.after(() => socket.io._close()); // the whole connection, whatever namespaces share it
  return socket;
}

/** The same, when it has connected. */
export async function connected(t, server, namespace = "/", options = {}) {
  const socket = client(t, server, namespace, options);
  await whenConnected(socket);
  return socket;
}

export function whenConnected(socket) {
  if (socket.connected) return Promise.resolve();
  return within(PATIENCE, new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  }), "connect");
}

/** The arguments of the next event `name`. */
export function next(socket, name, limit = PATIENCE) {
  return within(limit, new Promise((resolve) => socket.once(name, (...args) => resolve(args))), name);
}

/** The arguments of the acknowledgement. */
export function acknowledged(socket, name, ...args) {
  return within(PATIENCE, new Promise((resolve) => socket.emit(name, ...args, (...answer) => resolve(answer))), `the ack of ${name}`);
}

/** Waits until the connection has moved to WebSocket. */
export async function settled(socket) {
  const { engine } = socket.io;
  if (engine.transport.name === "websocket") return;
  await within(PATIENCE, new Promise((resolve) => engine.once("upgrade", resolve)), "upgrade");
}
