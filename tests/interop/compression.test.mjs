// Compressed WebSocket messages (permessage-deflate), with the official clients, which offer them by default, and with
// `ws`, which can offer and send what they don't.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { acknowledged, clients, next, PATIENCE, Sockets, unique } from "./support/clients.mjs";
import { freePort, original, start } from "./support/target.mjs";

const LIMIT = 1_000_000;
const long = (length) => "compressible, ".repeat(length / 14 + 1).slice(0, length);

let server;
before(async () => { server = await start(await freePort(), { PER_MESSAGE_DEFLATE: "1024" }); });
after(() => server.stop());

/** What an official client's connection has read and written. */
const traffic = (socket) => {
  const { bytesRead, bytesWritten } = socket.io.engine.transport.ws._socket;
  return { read: bytesRead, written: bytesWritten };
};

for (const client of clients.filter(({ transports }) => transports.includes("websocket"))) {
  describe(`compression: client ${client.name}`, { timeout: 60_000 }, () => {
    let sockets;
    const connected = async (options) => {
      sockets ??= new Sockets(client, server.url);
      return await sockets.settled("/", options);
    };
    after(() => sockets?.close());

    test("what is long travels compressed, both ways", async () => {
      const socket = await connected();
      // Ours compresses nothing of protocol 3.
      if (client.legacy && !original) return assert.equal(socket.io.engine.transport.ws.extensions, "");
      assert.match(socket.io.engine.transport.ws.extensions, /^permessage-deflate/);
      const text = long(300_000);
      const before = traffic(socket);
      assert.deepEqual(await acknowledged(socket, "echo", text), [text]);
      const now = traffic(socket);
      assert.ok(now.read - before.read < 30_000, `${now.read - before.read} bytes came`);
      assert.ok(now.written - before.written < 30_000, `${now.written - before.written} bytes went`);
    });

    test("arguments of every size and kind come back", async () => {
      const socket = await connected();
      const random = Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 2654435761) >>> 13));
      for (const value of ["", "語".repeat(50_000), long(1_023), long(1_024), Buffer.alloc(100_000, 7), random, [{ a: long(2_000) }, null]]) {
        const [echoed] = await acknowledged(socket, "echo", value);
        if (Buffer.isBuffer(value)) assert.ok(value.equals(echoed));
        else assert.deepEqual(echoed, value);
      }
    });

    test("a broadcast reaches those that compress, those that don't, and pollers", async () => {
      const room = unique("room");
      const all = [await connected(), await connected(), await connected({ perMessageDeflate: false }), await connected()];
      const poller = new Sockets({ ...client, transports: ["polling"] }, server.url);
      try {
        all.push(await poller.settled());
        assert.equal(all[2].io.engine.transport.ws.extensions, "");
        for (const socket of all) await acknowledged(socket, "join", room);
        const data = { text: long(50_000), bytes: Buffer.alloc(3_000, 7) };
        const heard = all.map((socket) => next(socket, "room"));
        all[0].emit("room", room, data);
        for (const [came] of await Promise.all(heard)) {
          assert.equal(came.text, data.text);
          assert.ok(data.bytes.equals(came.bytes));
        }
      } finally {
        poller.close();
      }
    });

    test("what is over the limit once it is inflated closes the connection, and disturbs nobody else", async () => {
      const [socket, other] = [await connected(), await connected()];
      const left = next(socket, "disconnect");
      socket.emit("echo", "x".repeat(LIMIT + 1));
      assert.equal((await left)[0], "transport close");
      assert.deepEqual(await acknowledged(other, "echo", "calm"), ["calm"]);
    });
  });
}

describe("compression: ws", { timeout: 60_000 }, () => {
  /** A WebSocket with these options that is in the default namespace. */
  const join = async (perMessageDeflate) => {
    const socket = new WebSocket(`${server.url}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate });
    socket.came = [];
    socket.on("message", (data, binary) => { socket.came.push(binary ? data : data.toString()); socket.emit("heard"); });
    await once(socket, "open");
    socket.send("40");
    await heard(socket, (message) => message.startsWith("42[\"auth\""));
    return socket;
  };
  /** Takes messages until one is meant. */
  const heard = async (socket, isMeant) => {
    for (;;) {
      while (socket.came.length > 0) {
        const message = socket.came.shift();
        if (isMeant(message)) return message;
      }
      await once(socket, "heard", { signal: AbortSignal.timeout(PATIENCE) });
    }
  };
  const echoes = async (socket, text, send) => {
    const packet = `421["echo",${JSON.stringify(text)}]`;
    send(packet);
    assert.equal(await heard(socket, (message) => message.startsWith("431")), `431[${JSON.stringify(text)}]`);
  };

  for (const [offer, extensions] of [
    [{}, {}],
    [{ serverMaxWindowBits: 9 }, { server_max_window_bits: ["9"] }],
    [{ serverMaxWindowBits: 12, clientMaxWindowBits: 12 }, { server_max_window_bits: ["12"] }],
    [{ serverMaxWindowBits: 15 }, { server_max_window_bits: ["15"] }],
    [{ clientMaxWindowBits: 9, clientNoContextTakeover: true }, {}],
    [{ serverNoContextTakeover: true }, {}],
  ]) {
    test(`an offer of ${JSON.stringify(offer)} is kept to`, { skip: original && "its context lives on" }, async () => {
      const socket = await join({ ...offer, threshold: 0 });
      const agreed = socket._extensions["permessage-deflate"].params;
      const always = { server_no_context_takeover: true, client_no_context_takeover: true };
      for (const [name, [value]] of Object.entries(extensions)) assert.equal(String(agreed[name]), value);
      for (const [name, value] of Object.entries(always)) assert.equal(agreed[name], value);
      for (const text of ["a", long(1_000), long(200_000), "語".repeat(10_000), long(200_000)]) {
        await echoes(socket, text, (packet) => socket.send(packet));
      }
      socket.close();
    });
  }

  test("a compressed message in many fragments is one message", async () => {
    const socket = await join({ threshold: 0 });
    await echoes(socket, long(5_000), (packet) => {
      for (let at = 0; at < packet.length; at += 100) {
        socket.send(packet.slice(at, at + 100), { fin: at + 100 >= packet.length, compress: true });
      }
    });
    socket.close();
  });

  test("a bomb is answered 1009", async () => {
    const socket = await join({ threshold: 0 });
    socket.send(Buffer.alloc(50 * LIMIT));
    const [code] = await once(socket, "close", { signal: AbortSignal.timeout(PATIENCE) });
    assert.equal(code, 1009);
  });

  test("what is no DEFLATE stream is answered 1007", async () => {
    const socket = await join({ threshold: 0 });
    socket._socket.write(Buffer.from([0xc1, 0x82, 0, 0, 0, 0, 0xff, 0xff]));
    const [code] = await once(socket, "close", { signal: AbortSignal.timeout(PATIENCE) });
    assert.equal(code, 1007);
  });
});
