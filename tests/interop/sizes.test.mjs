// Near and past the limit of one message: 1,000,000 bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, msgpack, next } from "./support/clients.mjs";
import { overEveryClient } from "./support/suite.mjs";

const LIMIT = 1_000_000;
/** What surrounds the argument of an echo: `420["echo","…"]`, or the members of a map; and room for a longer ack id. */
const AROUND = msgpack ? 100 : 32;
/** What announces one attachment: `451-0["echo",{"_placeholder":true,"num":0}]`, and a separator. */
const ANNOUNCED = 100;

/** How many bytes of text one message may have: with MessagePack it is binary, which over polling is base64, after a `b`. */
const room = (socket) => {
  const base64 = msgpack && socket.io.engine.transport.name === "polling";
  return (base64 ? (LIMIT * 3) / 4 : LIMIT) - AROUND;
};

overEveryClient("sizes", ({ client, sockets }) => {
  test("a text just under the limit comes back", async () => {
    const socket = await sockets().settled();
    const text = "x".repeat(room(socket));
    const [echoed] = await acknowledged(socket, "echo", text);
    assert.ok(echoed === text, `${echoed?.length} characters came back of ${text.length}`);
  });

  test("a text of many-byte characters just under the limit comes back", async () => {
    const socket = await sockets().settled();
    const text = "語".repeat(room(socket) / 3);
    const [echoed] = await acknowledged(socket, "echo", text);
    assert.ok(echoed === text, `${echoed?.length} characters came back of ${text.length}`);
  });

  test("binary just under the limit comes back", async () => {
    const socket = await sockets().settled();
    // Over polling an attachment is base64, after a `b`; on every transport the event that announces it counts, too.
    const polling = socket.io.engine.transport.name === "polling";
    const bytes = Buffer.alloc(polling ? ((LIMIT - ANNOUNCED) / 4) * 3 : LIMIT - ANNOUNCED, 7);
    const [echoed] = await acknowledged(socket, "echo", bytes);
    assert.ok(bytes.equals(echoed), `${echoed?.length} bytes came back of ${bytes.length}`);
  });

  test("a message over the limit closes the connection, and the client may come again", async () => {
    const socket = await sockets().settled();
    const left = next(socket, "disconnect");
    socket.emit("echo", "x".repeat(LIMIT + 1));
    const [reason] = await left;
    // A POST is answered 413, which is an error to the client; a WebSocket is closed.
    assert.equal(reason, client.transports.at(-1) === "polling" ? "transport error" : "transport close");
    const again = next(socket, "connect");
    socket.connect();
    await again;
    assert.deepEqual(await acknowledged(socket, "echo", "again"), ["again"]);
  });

  test("a message over the limit disturbs nobody else", async () => {
    const [big, other] = await Promise.all([sockets().settled(), sockets().settled()]);
    const left = next(big, "disconnect");
    big.emit("echo", "x".repeat(2 * LIMIT));
    assert.deepEqual(await acknowledged(other, "echo", "calm"), ["calm"]);
    await left;
    assert.deepEqual(await acknowledged(other, "echo", "calm still"), ["calm still"]);
  });
});
