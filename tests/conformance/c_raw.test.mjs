// Application C in raw packets: echo, rooms, questions, being sent away, and why sockets left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Polling } from "./support/polling.mjs";
import { assertAnswers, join, PATH, pollingSocket, socket } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { assertTook, PATIENCE, sleep, timed } from "./support/time.mjs";
import { Wire } from "./support/websocket.mjs";

const MAX_PAYLOAD = 1_000_000;
const hole = (number) => `{"_placeholder":true,"num":${number}}`;
const bytes = Buffer.from([1, 2, 3]);

const greeted = (server, options = {}) => socket(server, { greetings: 1, ...options });
const greetedPolling = (server, options = {}) => pollingSocket(server, { greetings: 1, ...options });

/** Asks until the server knows why `id` left: it notices in its own time. */
async function reason(peer, id) {
  const deadline = Date.now() + PATIENCE;
  for (let number = 0; Date.now() < deadline; number++) {
    await peer.send(`42${number}["reason","${id}"]`);
    const answer = await peer.receive();
    if (answer !== `43${number}[null]`) return JSON.parse(answer.slice(`43${number}`.length))[0];
    await sleep(10);
  }
  return null;
}

for (const namespace of ["/", "/custom", "/dyn/word"]) {
  const nsp = namespace === "/" ? "" : `${namespace},`;

  suite(`C: ${namespace} in raw packets`, { application: "C", env: QUIET }, (server) => {
    test("auth comes at connection, with the payload of CONNECT", async () => {
      const wire = await greeted(server, { namespace, auth: { token: "abc" } });
      assert.deepEqual(wire.greetings, [`42${nsp}["auth",{"token":"abc"}]`]);
      await wire.close();
    });

    test("auth is an empty object when CONNECT has no payload", async () => {
      const session = await greetedPolling(server, { namespace });
      assert.deepEqual(session.greetings, [`42${nsp}["auth",{}]`]);
    });

    test("echo acknowledges with its arguments, over WebSocket", async () => {
      const wire = await greeted(server, { namespace });
      await assertAnswers(wire, `42${nsp}0["echo"]`, `43${nsp}0[]`);
      await assertAnswers(wire, `42${nsp}1["echo",1,"two",{"three":[3]},null]`, `43${nsp}1[1,"two",{"three":[3]},null]`);
      wire.send(`451-${nsp}2["echo",${hole(0)}]`, bytes);
      assert.deepEqual(await wire.receiveAll(2), [`461-${nsp}2[${hole(0)}]`, bytes]);
      await wire.close();
    });

    test("echo acknowledges with its arguments, over polling", async () => {
      const session = await greetedPolling(server, { namespace });
      await assertAnswers(session, `42${nsp}1["echo",1,"two"]`, `43${nsp}1[1,"two"]`);
      await session.send(`451-${nsp}2["echo",${hole(0)}]`, "bAQID");
      assert.deepEqual(await session.receiveAll(2), [`461-${nsp}2[${hole(0)}]`, "bAQID"]);
    });

    test("join acknowledges with no arguments where it is asked to, and else not at all", async () => {
      const wire = await greeted(server, { namespace });
      wire.send(`42${nsp}["join","quiet"]`);
      await assertAnswers(wire, `42${nsp}7["join","loud"]`, `43${nsp}7[]`);
      await wire.close();
    });

    test("ask asks its sender, and answered brings what the sender answered", async () => {
      const wire = await greeted(server, { namespace });
      let heard = `42${nsp}["unanswered"]`;
      // On a machine that stalls for a second the question lapses; then it is asked again.
      for (let asked = 0; asked < 5 && heard === `42${nsp}["unanswered"]`; asked++) {
        wire.send(`42${nsp}["ask","how",{"many":1}]`);
        const question = await wire.receive();
        const [, id] = question.slice(`42${nsp}`.length).match(/^(\d+)\[/) ?? assert.fail(question);
        assert.equal(question, `42${nsp}${id}["ask","how",{"many":1}]`);
        wire.send(`43${nsp}${id}[1,"two"]`);
        heard = await wire.receive();
      }
      assert.equal(heard, `42${nsp}["answered",1,"two"]`);
      await wire.close();
    });

    test("ask without an answer becomes unanswered after 1 s", async () => {
      const wire = await greeted(server, { namespace });
      const { took } = await timed(async () => {
        wire.send(`42${nsp}["ask"]`);
        assert.match(await wire.receive(), /\["ask"\]$/);
        assert.equal(await wire.receive(), `42${nsp}["unanswered"]`);
      });
      assertTook(took, 1_000, "unanswered");
      await wire.close();
    });

    test("kick disconnects its sender, whose connection stays open", async () => {
      const wire = await greeted(server, { namespace });
      await assertAnswers(wire, `42${nsp}["kick",false]`, `41${nsp}`);
      await join(wire, namespace);
      assert.equal(await wire.receive(), `42${nsp}["auth",{}]`);
      await wire.close();
    });

    test("kick with true closes the whole connection, after a DISCONNECT for each namespace", async () => {
      const wire = await greeted(server, { namespace: "/" });
      const others = [...new Set(["/custom", namespace])].filter((name) => name !== "/");
      for (const other of others) {
        await join(wire, other);
        await wire.receive();
      }
      wire.send(`42${nsp}["kick",true]`);
      const packets = await wire.receiveAll(1 + others.length);
      assert.deepEqual(packets.toSorted(), ["41", ...others.map((other) => `41${other},`)]);
      await wire.assertCloses(1005);
    });

    test("kick without a word disconnects only the socket", async () => {
      const session = await greetedPolling(server, { namespace });
      await assertAnswers(session, `42${nsp}["kick"]`, `41${nsp}`);
      await join(session, namespace);
    });

    const leavings = {
      "client namespace disconnect": (wire) => wire.send(`41${nsp}`),
      "server namespace disconnect": (wire) => wire.send(`42${nsp}["kick",false]`),
      "transport close": (wire) => wire.cut(),
      "transport error": (wire) => wire.send(`42${nsp}["echo","${"a".repeat(MAX_PAYLOAD)}"]`),
      "forced close": (wire) => wire.send("4garbage"),
      "parse error": (wire) => wire.send("garbage"),
    };
    for (const [why, leave] of Object.entries(leavings)) {
      test(`reason acknowledges with ${why}`, async () => {
        const asker = await greeted(server);
        const wire = await greeted(server, { namespace });
        leave(wire);
        assert.equal(await reason(asker, wire.id), why);
        await asker.close();
      });
    }

    test("reason acknowledges with null for a socket that is here, and for one that never was", async () => {
      const wire = await greeted(server, { namespace });
      await assertAnswers(wire, `42${nsp}1["reason","${wire.id}"]`, `43${nsp}1[null]`);
      await assertAnswers(wire, `42${nsp}2["reason","nobody"]`, `43${nsp}2[null]`);
      await wire.close();
    });
  });

  // Broadcasts reach every socket of the namespace, so these cases have their server to themselves, one at a time.
  suite(`C: ${namespace} in raw packets, to many`, { application: "C", env: QUIET, concurrency: 1 }, (server) => {
    const three = async () => {
      const peers = [
        await greeted(server, { namespace }),
        await greeted(server, { namespace }),
        await greetedPolling(server, { namespace }),
      ];
      return { peers, end: () => Promise.all([peers[0].close(), peers[1].close(), peers[2].send("1")]) };
    };

    test("broadcast reaches every socket of the namespace, its sender too, and no other namespace", async () => {
      const { peers, end } = await three();
      const stranger = await greeted(server, { namespace: namespace === "/" ? "/custom" : "/" });
      peers[0].send(`42${nsp}["broadcast",{"news":[1]}]`);
      for (const peer of peers) assert.equal(await peer.receive(), `42${nsp}["broadcast",{"news":[1]}]`);
      const back = namespace === "/" ? "/custom," : "";
      await assertAnswers(stranger, `42${back}1["echo"]`, `43${back}1[]`);
      await stranger.close();
      await end();
    });

    test("broadcast carries binary", async () => {
      const { peers, end } = await three();
      peers[0].send(`451-${nsp}["broadcast",${hole(0)}]`, bytes);
      const header = `451-${nsp}["broadcast",${hole(0)}]`;
      assert.deepEqual(await peers[0].receiveAll(2), [header, bytes]);
      assert.deepEqual(await peers[1].receiveAll(2), [header, bytes]);
      assert.deepEqual(await peers[2].receiveAll(2), [header, "bAQID"]);
      await end();
    });

    test("room reaches those who joined it, its sender too when it did, and nobody else", async () => {
      const { peers: [one, other, outside], end } = await three();
      await assertAnswers(one, `42${nsp}1["join","den"]`, `43${nsp}1[]`);
      await assertAnswers(other, `42${nsp}1["join","den"]`, `43${nsp}1[]`);
      one.send(`42${nsp}["room","den","inside"]`);
      assert.equal(await one.receive(), `42${nsp}["room","inside"]`);
      assert.equal(await other.receive(), `42${nsp}["room","inside"]`);
      await outside.send(`42${nsp}["room","den","from outside"]`);
      assert.equal(await one.receive(), `42${nsp}["room","from outside"]`);
      assert.equal(await other.receive(), `42${nsp}["room","from outside"]`);
      await assertAnswers(outside, `42${nsp}2["echo"]`, `43${nsp}2[]`);
      await end();
    });

    test("room with nobody in it reaches nobody", async () => {
      const { peers, end } = await three();
      peers[0].send(`42${nsp}["room","empty","anyone?"]`);
      for (const peer of peers) await assertAnswers(peer, `42${nsp}3["echo"]`, `43${nsp}3[]`);
      await end();
    });

    test("a room is one of its namespace: the same name elsewhere is another", async () => {
      const { peers, end } = await three();
      const stranger = await greeted(server, { namespace: namespace === "/" ? "/custom" : "/" });
      const back = namespace === "/" ? "/custom," : "";
      await assertAnswers(stranger, `42${back}1["join","same"]`, `43${back}1[]`);
      await assertAnswers(peers[0], `42${nsp}1["join","same"]`, `43${nsp}1[]`);
      await assertAnswers(peers[0], `42${nsp}["room","same",1]`, `42${nsp}["room",1]`);
      await assertAnswers(stranger, `42${back}2["echo"]`, `43${back}2[]`);
      await stranger.close();
      await end();
    });

    test("who left hears no broadcast any more", async () => {
      const { peers, end } = await three();
      peers[1].send(`41${nsp}`);
      assert.equal(await reason(await greeted(server), peers[1].id), "client namespace disconnect");
      peers[0].send(`42${nsp}["broadcast",1]`);
      assert.equal(await peers[0].receive(), `42${nsp}["broadcast",1]`);
      await join(peers[1], namespace); // in the queue it would stand before this
      await end();
    });
  });
}

suite("C: limits and other namespaces", { application: "C", env: QUIET }, (server) => {
  test("max payload is 1,000,000", async () => {
    const session = await Polling.connect(server, PATH);
    assert.equal(session.open.maxPayload, MAX_PAYLOAD);
  });

  test("an event of max payload is served, over both transports", async () => {
    const event = (size) => `421["echo","${"a".repeat(size - '421["echo",""]'.length)}"]`;
    const wire = await greeted(server);
    const sent = event(MAX_PAYLOAD);
    wire.send(sent);
    assert.equal((await wire.receive()).length, MAX_PAYLOAD - '"echo",'.length);
    await wire.close();
    const session = await greetedPolling(server);
    await session.send(sent);
    assert.equal((await session.receive()).length, MAX_PAYLOAD - '"echo",'.length);
  });

  test("one byte more closes a WebSocket with 1009", async () => {
    const wire = await greeted(server);
    wire.send(`421["echo","${"a".repeat(MAX_PAYLOAD + 1 - '421["echo",""]'.length)}"]`);
    await wire.assertCloses(1009);
  });

  test("one byte more is refused with 413 over polling, and the session lives", async () => {
    const session = await greetedPolling(server);
    const { status } = await session.post(`421["echo","${"a".repeat(MAX_PAYLOAD + 1 - '421["echo",""]'.length)}"]`);
    assert.equal(status, 413);
    await assertAnswers(session, '421["echo"]', "431[]");
  });

  test("other namespaces are unknown", async () => {
    const wire = await Wire.session(server, PATH);
    for (const namespace of ["/nope", "/custom/deeper", "/dyn", "/dyn/two/words"]) {
      wire.send(`40${namespace},`);
      assert.equal(await wire.receive(), `44${namespace},{"message":"Invalid namespace"}`);
    }
    await wire.close();
  });
});

suite("C: reasons", { application: "C", env: QUIET, concurrency: 1 }, (server) => {
  test("the last 1,000 are kept, of whichever namespace", async () => {
    const asker = await greeted(server);
    const wire = await greeted(server);
    const ids = [];
    for (let number = 0; number < 1_001; number++) {
      ids.push(await join(wire, "/custom"));
      await wire.receive();
      await assertAnswers(wire, '42/custom,["kick",false]', "41/custom,");
    }
    assert.equal(await reason(asker, ids[1_000]), "server namespace disconnect");
    assert.equal(await reason(asker, ids[1]), "server namespace disconnect");
    await assertAnswers(asker, `420["reason","${ids[0]}"]`, "430[null]");
    await wire.close();
    await asker.close();
  });
});

suite("C: reasons that take time", { application: "C", env: { PING_INTERVAL: "300", PING_TIMEOUT: "200", CONNECT_TIMEOUT: "60000" } }, (server) => {
  test("reason acknowledges with ping timeout", async () => {
    const silent = await greeted(server);
    assert.equal(await silent.receive(), "2");
    await silent.assertCloses(1005);
    const asker = await greeted(server);
    assert.equal(await reason(asker, silent.id), "ping timeout");
    await asker.close();
  });
});
