// What is not yet asked of us: protocol 3, dynamic namespaces.

import assert from "node:assert/strict";
import { acknowledged, connected } from "./support/client.mjs";
import { request } from "./support/http.mjs";
import { notYet, SWITCHED_ON } from "./support/not_yet.mjs";
import { PATH, socket } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { Wire } from "./support/websocket.mjs";

const env = { ...QUIET, ...SWITCHED_ON };

suite("C: protocol 3", { application: "C", env }, (server) => {
  notYet("a handshake without EIO=4 is answered in protocol 3, and has joined /", "protocol 3", async () => {
    const { status, text } = await request(server, `${PATH}?EIO=3&transport=polling`);
    assert.equal(status, 200);
    const [, length, packet] = text.match(/^(\d+):(0\{.*\})$/s);
    assert.equal(Number(length), packet.length);
    const { sid, upgrades } = JSON.parse(packet.slice(1));
    assert.deepEqual(upgrades, ["websocket"]);
    const next = await request(server, `${PATH}?EIO=3&transport=polling&sid=${sid}`);
    assert.match(next.text, /^2:40/);
  });

  notYet("echo acknowledges over a WebSocket of protocol 3", "protocol 3", async () => {
    const wire = await Wire.connect(server, `${PATH}?EIO=3&transport=websocket`);
    assert.equal((await wire.receive())[0], "0");
    assert.equal(await wire.receive(), "40");
    assert.equal(await wire.receive(), '42["auth",{}]');
    wire.send('421["echo",1,"two"]');
    assert.equal(await wire.receive(), '431[1,"two"]');
    wire.send("2");
    assert.equal(await wire.receive(), "3", "the client pings");
    await wire.close();
  });
});

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
