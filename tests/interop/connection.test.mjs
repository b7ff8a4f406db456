// Connecting, the auth payload, and namespaces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, next } from "./support/clients.mjs";
import { overEveryClient } from "./support/suite.mjs";
import { original } from "./support/target.mjs";

overEveryClient("connection", ({ client, sockets }) => {
  test("a socket connects and ends on the best transport it may use", async () => {
    const socket = await sockets().settled();
    assert.equal(socket.connected, true);
    assert.equal(socket.io.engine.transport.name, client.transports.at(-1));
  });

  const legacy = client.legacy && "protocol 4 has no payload of CONNECT";

  test("a socket's id has 20 characters and is not the session's", { skip: legacy }, async () => {
    const socket = await sockets().connected();
    assert.match(socket.id, /^[\w-]{20}$/);
    assert.notEqual(socket.id, socket.io.engine.id);
  });

  test("two connections have different ids", async () => {
    const [one, other] = await Promise.all([sockets().connected(), sockets().connected()]);
    assert.notEqual(one.id, other.id);
  });

  test("the server sees the auth payload", { skip: legacy }, async () => {
    const auth = { token: "t", nested: { numbers: [1, 2.5], none: null }, text: "é 語" };
    const socket = sockets().idle("/", { auth });
    const seen = next(socket, "auth");
    socket.connect();
    assert.deepEqual(await seen, [auth]);
  });

  test("the server sees the auth payload that a function gives", { skip: legacy }, async () => {
    const socket = sockets().idle("/custom", { auth: (give) => give({ token: "from a function" }) });
    const seen = next(socket, "auth");
    socket.connect();
    assert.deepEqual(await seen, [{ token: "from a function" }]);
  });

  test("without a payload the auth is an empty object", async () => {
    const socket = sockets().idle();
    const seen = next(socket, "auth");
    socket.connect();
    assert.deepEqual(await seen, [{}]);
  });

  test("a named namespace works by itself", async () => {
    const socket = await sockets().connected("/custom");
    assert.deepEqual(await acknowledged(socket, "echo", "here"), ["here"]);
  });

  test("an unknown namespace is refused by name", async () => {
    const socket = sockets().idle("/nowhere");
    const refused = next(socket, client.legacy ? "error" : "connect_error");
    socket.connect();
    const [error] = await refused;
    assert.equal(error.message, "Invalid namespace");
    assert.equal(socket.connected, false);
  });

  test("a refused namespace leaves the others of the connection open", async () => {
    const main = await sockets().connected();
    await assert.rejects(sockets().beside(main, "/nowhere"), /Invalid namespace/);
    assert.deepEqual(await acknowledged(main, "echo", "still here"), ["still here"]);
  });

  test("two namespaces share one connection and have ids of their own", async () => {
    const main = await sockets().connected();
    const custom = await sockets().beside(main, "/custom");
    assert.equal(custom.io.engine, main.io.engine);
    assert.notEqual(custom.id, main.id);
    const [one, two] = await Promise.all([acknowledged(main, "echo", "main"), acknowledged(custom, "echo", "custom")]);
    assert.deepEqual([one, two], [["main"], ["custom"]]);
  });

  test("leaving one namespace leaves the other open", async () => {
    const main = await sockets().settled();
    const custom = await sockets().beside(main, "/custom");
    custom.disconnect();
    assert.deepEqual(await acknowledged(main, "echo", "open"), ["open"]);
    assert.equal(custom.connected, false);
  });

  test("a socket that left its namespace joins it again over the same connection with a new id", async () => {
    const main = await sockets().settled();
    const custom = await sockets().beside(main, "/custom");
    const before = custom.id;
    custom.disconnect();
    await acknowledged(main, "echo", "the goodbye was handled before this");
    const again = next(custom, "connect");
    custom.connect();
    await again;
    if (!client.legacy) assert.notEqual(custom.id, before);
    assert.deepEqual(await acknowledged(custom, "echo", "back"), ["back"]);
  });

  const closes = original && "the original closes the connection when the goodbye and the new CONNECT share a segment";
  test("a socket leaves its namespace and joins it again in one tick", { skip: closes }, async () => {
    const main = await sockets().settled();
    const custom = await sockets().beside(main, "/custom");
    const again = next(custom, "connect");
    custom.disconnect();
    custom.connect();
    await again;
    assert.deepEqual(await acknowledged(custom, "echo", "back"), ["back"]);
    assert.deepEqual(await acknowledged(main, "echo", "open"), ["open"]);
  });
});
