// What the last clients of Socket.IO 2 and 1 do in their own way; all else that 2.5.0 does is in the other files.

import assert from "node:assert/strict";
import { test } from "node:test";
import { io as newest } from "socket.io-client";
import last1 from "socket.io-client-1";
import last2 from "socket.io-client-2";
import { acknowledged, next, Sockets, unique } from "./support/clients.mjs";
import { overClients } from "./support/suite.mjs";
import { freePort, start, url } from "./support/target.mjs";

const versions = [{ version: "2.5.0", io: last2 }, { version: "1.7.4", io: last1 }];

overClients("legacy", versions, ({ client, sockets }) => {
  test("events, binary and acks go both ways", async () => {
    const socket = await sockets().connected();
    socket.on("ask", (bytes, ack) => ack({ back: Buffer.concat([bytes, Buffer.from("!")]) }));
    // Before an upgrade, or in the midst of one, and behind it.
    for (const when of ["early", "late"]) {
      assert.deepEqual(await acknowledged(socket, "echo", "€😀", { when }), ["€😀", { when }]);
      const bytes = Buffer.from([0, 4, 0x1e, 255]);
      assert.deepEqual(await acknowledged(socket, "echo", bytes, { deep: [bytes] }), [bytes, { deep: [bytes] }]);
      const answered = next(socket, "answered");
      socket.emit("ask", Buffer.from(when));
      assert.deepEqual(await answered, [{ back: Buffer.from(`${when}!`) }]);
      if (socket.io.engine.transport.name !== client.transports.at(-1)) await next(socket.io.engine, "upgrade");
    }
  });

  test("base64 instead of binary", async () => {
    const socket = await sockets().connected("/", { forceBase64: true });
    for (const bytes of [Buffer.alloc(0), Buffer.from([1, 2, 255]), Buffer.alloc(1_000, 7)]) {
      assert.deepEqual(await acknowledged(socket, "echo", bytes), [bytes]);
    }
  });

  test("a namespace's query is its auth", async () => {
    const main = await sockets().connected();
    const custom = main.io.socket("/custom", { query: "token=1&text=a%20b" });
    const auth = next(custom, "auth");
    custom.connect();
    assert.deepEqual(await auth, [{ token: "1", text: "a b" }]);
    assert.deepEqual(await acknowledged(custom, "echo", "here"), ["here"]);
    custom.disconnect();
    assert.deepEqual(await acknowledged(main, "echo", "open"), ["open"]);
  });

  test("a broadcast of binary reaches old and new", async () => {
    const others = new Sockets({ io: newest, transports: client.transports }, url);
    try {
      const [old, young] = await Promise.all([sockets().connected(), others.connected()]);
      for (const sender of [old, young]) {
        const data = { mark: unique("both"), bytes: Buffer.from([1, 2]) };
        const heard = [old, young].map((socket) => new Promise((resolve) => {
          socket.on("broadcast", (came) => came?.mark === data.mark && resolve(came));
        }));
        sender.emit("broadcast", data);
        assert.deepEqual(await Promise.all(heard), [data, data]);
      }
    } finally {
      others.close();
    }
  });

  test("a quiet connection lives through its own pings", async () => {
    const server = await start(await freePort(), { PING_INTERVAL: "200", PING_TIMEOUT: "400" });
    const own = new Sockets(client, server.url);
    try {
      const socket = await own.settled();
      for (let pongs = 0; pongs < 6; ) if ((await next(socket.io.engine, "packet"))[0].type === "pong") pongs++;
      assert.equal(socket.connected, true);
    } finally {
      own.close();
      await server.stop();
    }
  });
});
