// What is not yet asked of us: dynamic namespaces, connection state recovery.

import assert from "node:assert/strict";
import { acknowledged, connected, next } from "./support/client.mjs";
import { notYet, SWITCHED_ON } from "./support/not_yet.mjs";
import { PATH, socket } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { Wire } from "./support/websocket.mjs";

const env = { ...QUIET, ...SWITCHED_ON };

suite("C: dynamic namespaces", { application: "C", env }, (server) => {
  notYet("/dyn/<word> connects in raw packets, and has the events of C", "dynamic namespaces", async () => {
    const wire = await socket(server, { namespace: "/dyn/word", greetings: 1 });
    assert.deepEqual(wire.greetings, ['42/dyn/word,["auth",{}]']);
    wire.send('42/dyn/word,1["echo",1]');
    assert.equal(await wire.receive(), "43/dyn/word,1[1]");
    await wire.close();
  });

  notYet("/dyn/<word> connects with the official client", "dynamic namespaces", async (t) => {
    const peer = await connected(t, server, "/dyn/other");
    assert.deepEqual(await acknowledged(peer, "echo", 1), [1]);
  });
});

/** Joins / and gives the payload of CONNECT. */
async function connect(server, auth) {
  const wire = await Wire.session(server, PATH);
  wire.send(`40${auth ? JSON.stringify(auth) : ""}`);
  return { wire, payload: JSON.parse((await wire.receive()).slice(2)) };
}

suite("D: connection state recovery", { application: "D", env }, (server) => {
  const waitsFor = "connection state recovery";

  notYet("CONNECT brings a pid", waitsFor, async () => {
    const { wire, payload } = await connect(server);
    await wire.close();
    assert.deepEqual(Object.keys(payload), ["sid", "pid"]);
  });

  notYet("every event to the client has an offset, a string, as its last argument", waitsFor, async () => {
    const { wire } = await connect(server);
    wire.send('42["hi"]');
    const packet = await wire.receive();
    await wire.close();
    assert.match(packet, /^42\["hi","[^"]+"\]$/);
  });

  notYet("the next CONNECT with {pid, offset} recovers: the same sid, the same pid", waitsFor, async () => {
    const first = await connect(server);
    first.wire.send('42["hi"]');
    const [, offset] = JSON.parse((await first.wire.receive()).slice(2));
    first.wire.cut();
    const { wire, payload } = await connect(server, { pid: first.payload.pid, offset });
    await wire.close();
    assert.ok(offset !== undefined && payload.pid !== undefined);
    assert.deepEqual(payload, first.payload);
  });

  notYet("socket.id is the same after a reconnection that recovered", waitsFor, async (t) => {
    const peer = await connected(t, server, "/", { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 10 });
    const { id } = peer;
    peer.emit("hi");
    await next(peer, "hi");
    const again = next(peer, "connect");
    peer.io.engine.close();
    await again;
    assert.ok(peer.recovered);
    assert.equal(peer.id, id);
  });
});
