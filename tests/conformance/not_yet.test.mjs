// What is not yet asked of us: dynamic namespaces.

import assert from "node:assert/strict";
import { acknowledged, connected } from "./support/client.mjs";
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
