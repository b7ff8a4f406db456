// A Socket.IO peer that speaks in raw packets, over a WebSocket or over polling.

import assert from "node:assert/strict";
import { Polling } from "./polling.mjs";
import { Wire } from "./websocket.mjs";

export const PATH = "/socket.io/";
export const SOCKET_ID = /^[A-Za-z0-9_-]{20}$/;

/** `/custom,` for a namespace other than the default one. */
export const prefix = (namespace) => (namespace === "/" ? "" : `${namespace},`);

/** Joins `namespace` on an open peer; gives the socket's id. */
export async function join(peer, namespace = "/", auth = undefined) {
  const payload = auth === undefined ? "" : JSON.stringify(auth);
  await peer.send(`40${prefix(namespace)}${payload}`);
  return joined(await peer.receive(), namespace, peer.recovers);
}

/** Reads a CONNECT packet of `namespace`: its payload has a fresh socket id, a pid where the server recovers, and nothing else. */
export function joined(packet, namespace = "/", recovers = false) {
  const head = `40${prefix(namespace)}`;
  assert.ok(packet.startsWith(head), `expected ${head}, got ${packet}`);
  const payload = JSON.parse(packet.slice(head.length));
  assert.deepEqual(Object.keys(payload), recovers ? ["sid", "pid"] : ["sid"]);
  assert.match(payload.sid, SOCKET_ID);
  return payload.sid;
}

/** A WebSocket session that has joined `namespace` and read the `greetings` that follow; `id` is its socket's. */
export async function socket(server, { namespace = "/", auth, greetings = 0, query = "", headers } = {}) {
  const wire = await Wire.connect(server, `${PATH}?EIO=4&transport=websocket${query}`, { headers });
  wire.open = JSON.parse((await wire.receive()).slice(1));
  wire.id = await join(wire, namespace, auth);
  wire.greetings = await wire.receiveAll(greetings);
  return wire;
}

/** The same over polling. */
export async function pollingSocket(server, { namespace = "/", auth, greetings = 0 } = {}) {
  const session = await Polling.connect(server, PATH);
  session.id = await join(session, namespace, auth);
  session.greetings = await session.receiveAll(greetings);
  return session;
}

/** Asks something whose answer is known, so that all that was sent before has been handled. */
export async function assertAnswers(peer, question, ...answer) {
  await peer.send(question);
  for (const packet of answer) assert.deepEqual(await peer.receive(), packet);
}

/** Posts a body that must close the polling session: the pending GET hears that and nothing else. */
export async function assertCloses(session, body) {
  const pending = await session.hold();
  await session.post(body);
  assert.deepEqual(await pending.packets(), ["1"]);
  await session.assertUnknown();
}
