// Application D: the traps that the official client's own tests set for a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, client, connected, next, settled, ways, whenConnected } from "./support/client.mjs";
import { answers } from "./support/server.mjs";
import { assertAnswers, join, joined, PATH, pollingSocket, socket } from "./support/socket.mjs";
import { suite } from "./support/suite.mjs";
import { assertCanTakeWithin, PATIENCE, sleep, timed, within } from "./support/time.mjs";
import { Wire } from "./support/websocket.mjs";

/** The packets that a client's engine receives and sends, in their order, from its first on. */
function record(peer) {
  const packets = [];
  const { engine } = peer.io;
  engine.on("packet", ({ type, data }) => packets.push({ received: type, data, at: performance.now() }));
  engine.on("packetCreate", ({ type, data }) => packets.push({ sent: type, data, at: performance.now() }));
  return packets;
}

for (const [way, options] of Object.entries(ways)) {
  suite(`D: traps with the official client, ${way}`, { application: "D", concurrency: 4 }, (server) => {
    test("socket.id differs from the sid of its connection", async (t) => {
      for (const namespace of ["/", "/foo"]) {
        const peer = await connected(t, server, namespace, options);
        assert.notEqual(peer.id, peer.io.engine.id);
        assert.deepEqual(await acknowledged(peer, "getId"), [peer.id]);
      }
    });

    test("socket.id is another in each namespace", async (t) => {
      const peer = await connected(t, server, "/", options);
      const other = peer.io.socket("/foo");
      await whenConnected(other);
      assert.notEqual(other.id, peer.id);
    });

    test("socket.id is another after a reconnection, unless recovered", async (t) => {
      const peer = await connected(t, server, "/", { ...options, reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 10 });
      const { id } = peer;
      const again = next(peer, "connect");
      peer.io.engine.close();
      await again;
      assert.notEqual(peer.id, id);
      assert.deepEqual(await acknowledged(peer, "getId"), [peer.id]);
    });

    test("there is no ping right after the handshake: within a second the client sends no pong", async (t) => {
      const peer = client(t, server, "/", options);
      const packets = record(peer);
      await whenConnected(peer);
      await sleep(1_000);
      const soon = packets.filter(({ at }) => at < packets[0].at + 1_000);
      assert.deepEqual(soon.filter(({ received }) => received === "ping"), []);
      assert.deepEqual(soon.filter(({ sent, data }) => sent === "pong" && data !== "probe"), []);
    });

    test("nothing but OPEN, CONNECT and the ack comes within 100 ms", async (t) => {
      const peer = client(t, server, "/", options);
      const packets = record(peer);
      const acked = new Promise((resolve) => peer.once("connect", () => peer.emit("echo", null, resolve)));
      await within(PATIENCE, acked, "the ack");
      await sleep(150);
      const received = packets.filter((packet) => packet.received);
      const soon = received.filter(({ at }, position) => position < 3 || at < received[0].at + 100);
      const heard = soon.map((packet) => `${packet.received} ${packet.data?.slice(0, 2) ?? ""}`.trim());
      assert.deepEqual(heard, ['open {"', "message 0{", "message 30"]);
    });

    test("two namespaces on one connection: leaving one leaves the other, and the client closes the connection", async (t) => {
      const one = await connected(t, server, "/", options);
      const other = one.io.socket("/foo");
      await whenConnected(other);
      assert.equal(one.io, other.io);
      one.disconnect();
      assert.deepEqual(await acknowledged(other, "getId"), [other.id]);
      assert.ok(!one.connected && other.connected);
      const closed = new Promise((resolve) => other.io.once("close", resolve));
      other.disconnect();
      await within(PATIENCE, closed, "the end of the connection");
    });

    test("acks arrive within 50 ms", async (t) => {
      const peer = await connected(t, server, "/", options);
      await assertCanTakeWithin(50, "the middle one of five acks", async () => {
        const took = [];
        for (let number = 0; number < 5; number++) took.push((await timed(() => acknowledged(peer, "echo", number))).took);
        return took.toSorted((one, other) => one - other)[2];
      });
    });

    test("early events: what 50 clients send in the tick of CONNECT is heard", async (t) => {
      const heard = Array.from({ length: 50 }, async (_, number) => {
        const peer = client(t, server, "/", options);
        const replies = [];
        await within(PATIENCE, new Promise((resolve) => {
          const reply = (what) => { if (replies.push(what) === 2) resolve(); };
          peer.on("hi", () => reply("hi"));
          peer.once("connect", () => {
            peer.emit("hi");
            peer.emit("echo", number, (value) => reply(value));
          });
        }), `the answers to client ${number}`);
        assert.deepEqual(replies, ["hi", number]);
      });
      await Promise.all(heard);
    });

    test("early events: what the client has queued before it connects is heard, in order", async (t) => {
      const peer = client(t, server, "/", options);
      const acks = Array.from({ length: 20 }, (_, number) => acknowledged(peer, "echo", number));
      assert.deepEqual(await Promise.all(acks), Array.from({ length: 20 }, (_, number) => [number]));
    });
  });
}

suite("D: traps in raw packets", { application: "D", concurrency: 4 }, (server) => {
  test("the socket's id differs from the sid, in each namespace, and at each connection", async () => {
    const ids = [];
    for (let round = 0; round < 3; round++) {
      const wire = await socket(server);
      ids.push(wire.open.sid, wire.id, await join(wire, "/foo"), await join(wire, "/valid"));
      await wire.close();
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  test("nothing but OPEN, CONNECT and the ack comes within 100 ms, over WebSocket", async () => {
    const wire = await socket(server);
    await assertAnswers(wire, '420["echo",1]', "430[1]");
    await sleep(100);
    assert.deepEqual(wire.frames, []);
    await wire.close();
  });

  test("nothing but OPEN, CONNECT and the ack comes within 100 ms, over polling", async () => {
    const session = await pollingSocket(server);
    await assertAnswers(session, '420["echo",1]', "430[1]");
    assert.deepEqual(session.queue, []);
    let came;
    const pending = session.get().then(({ text }) => { came = text; });
    await sleep(100);
    assert.equal(came, undefined);
    await session.send("1");
    await pending;
  });

  test("41/ns, of one of two namespaces leaves the other open, and the server closes nothing", async () => {
    const wire = await socket(server, { namespace: "/foo" });
    await join(wire, "/valid");
    wire.send("41/valid,");
    await assertAnswers(wire, '42/foo,0["getId"]', `43/foo,0["${wire.id}"]`);
    wire.send("41/foo,");
    await sleep(300);
    assert.equal(wire.code, undefined, "the engine is the client's to close");
    await wire.close();
  });

  test("early events: 200 clients that send in the tick of CONNECT lose nothing", async () => {
    await Promise.all(Array.from({ length: 200 }, async (_, number) => {
      const wire = await Wire.session(server, PATH);
      const early = new Promise((resolve) => {
        wire.socket.once("message", (packet) => {
          if (packet.toString().startsWith("40")) wire.send('42["hi"]', `420["echo",${number}]`);
          resolve();
        });
      });
      wire.send("40");
      await early;
      const [connect, ...replies] = await wire.receiveAll(3);
      joined(connect, "/", wire.recovers);
      assert.deepEqual(replies, ['42["hi"]', `430[${number}]`]);
      await wire.close();
    }));
  });

  for (const port of [3211, 9823]) {
    test(`port ${port} is closed`, async () => {
      assert.equal(await answers(port), false);
    });
  }
});

suite("D: the noop of an upgrade", { application: "D", concurrency: 1 }, (server) => {
  test("an upgrading client hears nothing of the application's twice, and no packet more than the probe needs", async (t) => {
    const peer = client(t, server);
    const packets = record(peer);
    await whenConnected(peer);
    await settled(peer);
    await acknowledged(peer, "echo", 1);
    const noops = packets.filter(({ received }) => received === "noop").length;
    assert.ok(noops <= 2, `${noops} noops`);
    const messages = packets.filter(({ received }) => received === "message").map(({ data }) => data.slice(0, 2));
    assert.deepEqual(messages, ["0{", "30"]);
  });
});
