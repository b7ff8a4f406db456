// Application D: connection state recovery.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connected, next } from "./support/client.mjs";
import { PATH } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { Wire } from "./support/websocket.mjs";

/** Joins / and gives the payload of CONNECT; packets are shown as they come. */
async function connect(server, auth) {
  const wire = await Wire.session(server, PATH);
  wire.recovers = false;
  wire.send(`40${auth ? JSON.stringify(auth) : ""}`);
  return { wire, payload: JSON.parse((await wire.receive()).slice(2)) };
}

/** What a peer knows that has heard one event, and was cut then. */
async function cut(server) {
  const { wire, payload } = await connect(server);
  wire.send('42["hi"]');
  const [, offset] = JSON.parse((await wire.receive()).slice(2));
  wire.cut();
  return { ...payload, offset };
}

suite("D: connection state recovery", { application: "D", env: QUIET }, (server) => {
  test("CONNECT brings a pid", async () => {
    const { wire, payload } = await connect(server);
    await wire.close();
    assert.deepEqual(Object.keys(payload), ["sid", "pid"]);
    assert.match(payload.pid, /^[\w-]{20,24}$/);
    assert.notEqual(payload.pid, payload.sid);
  });

  test("every event to the client has an offset, a string, as its last argument", async () => {
    const { wire } = await connect(server);
    wire.send('42["hi"]', '42["doge"]');
    assert.match(await wire.receive(), /^42\["hi","[^"]+"\]$/);
    assert.match(await wire.receive(), /^451-\["doge",\{"_placeholder":true,"num":0\},"[^"]+"\]$/);
    await wire.receive();
    await wire.close();
  });

  test("an event that asks for an acknowledgement has none", async () => {
    const { wire } = await connect(server);
    wire.send('42["ack"]');
    assert.match(await wire.receive(), /^42\d+\["ack"\]$/);
    await wire.close();
  });

  test("the next CONNECT with {pid, offset} recovers: the same sid, the same pid", async () => {
    const { sid, pid, offset } = await cut(server);
    const { wire, payload } = await connect(server, { pid, offset });
    await wire.close();
    assert.deepEqual(payload, { sid, pid });
  });

  test("the query may fail meanwhile: recovery skips middlewares", async () => {
    const { sid, pid, offset } = await cut(server);
    const wire = await Wire.connect(server, `${PATH}?EIO=4&transport=websocket&fail=1`);
    await wire.receive();
    wire.send(`40${JSON.stringify({ pid, offset })}`);
    assert.deepEqual(JSON.parse((await wire.receive()).slice(2)), { sid, pid });
    await wire.close();
  });

  test("a pid and an offset of nobody give a new session", async () => {
    const { sid, pid, offset } = await cut(server);
    for (const auth of [{ pid: "nobody's", offset }, { pid: sid, offset }, { pid: 1, offset }, { offset }]) {
      const { wire, payload } = await connect(server, auth);
      await wire.close();
      assert.ok(payload.sid !== sid && payload.pid !== pid, JSON.stringify(auth));
    }
  });

  test("a peer that has heard no event gets a new session, as the client's own tests expect", async () => {
    const first = await connect(server);
    first.wire.cut();
    const { wire, payload } = await connect(server, { pid: first.payload.pid });
    await wire.close();
    assert.notEqual(payload.sid, first.payload.sid);
  });

  test("socket.id is the same after a reconnection that recovered", async (t) => {
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
