// What needs a server of its own: heartbeats, and a server that goes and comes back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { acknowledged, clients, next, Sockets } from "./support/clients.mjs";
import { freePort, start } from "./support/target.mjs";

for (const client of clients) {
  describe(`lifetime: client ${client.name}`, () => {
    test("a client comes back by itself after the server's restart", async () => {
      const port = await freePort();
      let server = await start(port);
      const sockets = new Sockets(client, server.url);
      try {
        const socket = await sockets.settled("/", {
          reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 100, auth: { kept: true },
        });
        const before = socket.id;
        const left = next(socket, "disconnect");
        await server.stop();
        assert.match((await left)[0], /^transport (close|error)$/);

        // Emitted while nobody listens: kept, and sent once the server is back.
        const kept = new Promise((resolve) => socket.emit("echo", "kept", resolve));
        const back = new Promise((resolve) => socket.once("connect", resolve));
        const auth = new Promise((resolve) => socket.once("auth", resolve));
        server = await start(port);
        await back;
        assert.notEqual(socket.id, before);
        assert.deepEqual(await auth, client.legacy ? {} : { kept: true });
        assert.equal(await kept, "kept");
        assert.deepEqual(await acknowledged(socket, "echo", "new"), ["new"]);
      } finally {
        sockets.close();
        await server.stop();
      }
    });

    test("a quiet connection lives through its heartbeats", async () => {
      const server = await start(await freePort(), { PING_INTERVAL: "200", PING_TIMEOUT: "400" });
      const sockets = new Sockets(client, server.url);
      try {
        const socket = await sockets.settled();
        // What the manager tells of pings differs between versions; the packets do not.
        const sign = client.legacy ? "pong" : "ping";
        for (let signs = 0; signs < 6; ) if ((await next(socket.io.engine, "packet"))[0].type === sign) signs++;
        assert.equal(socket.connected, true);
      } finally {
        sockets.close();
        await server.stop();
      }
    });
  });
}
