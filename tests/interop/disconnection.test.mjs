// How sockets part, and what each side calls it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, next, Sockets } from "./support/clients.mjs";
import { relay } from "./support/proxy.mjs";
import { overEveryClient } from "./support/suite.mjs";
import { original, url } from "./support/target.mjs";

/** Why the server says that `id` left, asked through `witness` until it knows. */
async function reasonOf(witness, id) {
  for (;;) {
    const [reason] = await acknowledged(witness, "reason", id);
    if (reason !== null) return reason;
  }
}

overEveryClient("disconnection", ({ client, sockets, nameless }) => {
  test("the client leaves", { skip: nameless }, async () => {
    const [socket, witness] = await Promise.all([sockets().settled(), sockets().connected()]);
    const { id } = socket;
    const left = next(socket, "disconnect");
    socket.disconnect();
    assert.equal((await left)[0], "io client disconnect");
    assert.equal(await reasonOf(witness, id), "client namespace disconnect");
  });

  test("the client leaves one namespace of two", { skip: nameless }, async () => {
    const [main, witness] = await Promise.all([sockets().settled(), sockets().connected("/custom")]);
    const custom = await sockets().beside(main, "/custom");
    const { id } = custom;
    custom.disconnect();
    assert.equal(await reasonOf(witness, id), "client namespace disconnect");
    assert.equal(main.connected, true);
  });

  test("the server sends a socket away and keeps its connection", { skip: nameless }, async () => {
    const [main, witness] = await Promise.all([sockets().settled(), sockets().connected("/custom")]);
    const custom = await sockets().beside(main, "/custom");
    const { id } = custom;
    const sent = next(custom, "disconnect");
    custom.emit("kick", false);
    assert.equal((await sent)[0], "io server disconnect");
    assert.equal(await reasonOf(witness, id), "server namespace disconnect");
    assert.deepEqual(await acknowledged(main, "echo", "open"), ["open"]);
  });

  test("the server sends a connection away, with all its namespaces", { skip: nameless }, async () => {
    const [main, witness] = await Promise.all([sockets().settled(), sockets().connected()]);
    const custom = await sockets().beside(main, "/custom");
    const { id } = main;
    const sent = Promise.all([next(main, "disconnect"), next(custom, "disconnect")]);
    main.emit("kick", true);
    assert.deepEqual((await sent).map(([reason]) => reason), ["io server disconnect", "io server disconnect"]);
    assert.equal(await reasonOf(witness, id), "server namespace disconnect");
  });

  const lost = original && "the original forgets events that arrive in one segment with the goodbye";
  test("events sent before the client leaves are handled", { skip: lost }, async () => {
    const [socket, witness] = await Promise.all([sockets().settled(), sockets().connected()]);
    const mark = `${socket.id} says goodbye`;
    const heard = new Promise((resolve) => witness.on("broadcast", (data) => data === mark && resolve(data)));
    socket.emit("broadcast", mark);
    socket.disconnect();
    assert.equal(await heard, mark);
  });

  test("a closed transport is a transport close on the server", { skip: nameless }, async () => {
    const [socket, witness] = await Promise.all([sockets().settled(), sockets().connected()]);
    const { id } = socket;
    const left = next(socket, "disconnect");
    socket.io.engine.close();
    assert.equal((await left)[0], "forced close");
    assert.equal(await reasonOf(witness, id), "transport close");
  });

  test("a connection that breaks is told apart from a leaving client", { skip: nameless }, async () => {
    const witness = await sockets().connected();
    const line = await relay(url);
    const behind = new Sockets(client, line.url);
    try {
      const socket = await behind.settled();
      const { id } = socket;
      const left = next(socket, "disconnect");
      // The server too has reached the last transport; and between two polls nothing is there to break.
      await acknowledged(socket, "echo", "settled");
      if (client.transports.at(-1) === "polling") await line.asked();
      await line.cut();
      assert.match((await left)[0], /^transport (close|error)$/);
      // A cut long poll is an error, a cut WebSocket an end: each as the original says it.
      assert.equal(await reasonOf(witness, id), client.transports.at(-1) === "polling" ? "transport error" : "transport close");
    } finally {
      behind.close();
      await line.cut();
    }
  });

  test("a packet that is none closes the connection", { skip: nameless }, async () => {
    const [socket, witness] = await Promise.all([sockets().settled(), sockets().connected()]);
    const { id } = socket;
    const left = next(socket, "disconnect");
    socket.io.engine.write("2[not json");
    assert.equal((await left)[0], "transport close");
    assert.match(await reasonOf(witness, id), /^(forced close|forced server close|parse error)$/);
  });

  const polls = client.transports.at(-1) === "polling" && "clients make a body of it that is too large by itself";
  const unlimited = nameless || (original && "the original has no such limit") || polls;
  test("who says too much over a WebSocket is closed, and told why", { skip: unlimited }, async () => {
    const [socket, witness] = await Promise.all([sockets().settled(), sockets().connected()]);
    const { id } = socket;
    const left = next(socket, "disconnect");
    for (let sent = 0; sent < 120_000; sent++) socket.emit("nobody listens");
    const [reason, details] = await left;
    assert.match(reason, /^transport (close|error)$/);
    assert.equal(await reasonOf(witness, id), "rate limit");
    // Older clients hand on no details.
    if (client.version.startsWith("4.8")) assert.equal(details.context.reason, "rate limit");
  });
});
