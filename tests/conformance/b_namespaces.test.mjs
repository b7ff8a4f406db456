// Application B: joining namespaces, being refused, and leaving them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Polling } from "./support/polling.mjs";
import { assertAnswers, assertCloses, join, joined, PATH, pollingSocket, socket } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { assertTook, sleep, timed } from "./support/time.mjs";
import { Wire } from "./support/websocket.mjs";

const INVALID = '{"message":"Invalid namespace"}';

/** Leaves `/`, and waits until the server has seen it: it answers nothing to that. */
async function leave(peer) {
  await peer.send("41");
  await assertAnswers(peer, "40/random,", `44/random,${INVALID}`);
}

suite("B: connect", { application: "B", env: QUIET }, (server) => {
  test("to / over WebSocket: CONNECT with a sid, then auth with an empty object", async () => {
    const wire = await socket(server);
    assert.equal(await wire.receive(), '42["auth",{}]');
    await wire.close();
  });

  test("to / over polling: CONNECT with a sid, then auth with an empty object", async () => {
    const session = await pollingSocket(server);
    assert.equal(await session.receive(), '42["auth",{}]');
  });

  test("to / with a payload: auth is the payload", async () => {
    const auth = { token: "123", nested: { list: [1, "2", null, true] }, text: "てすと 😀" };
    const wire = await socket(server, { auth });
    assert.equal(await wire.receive(), `42["auth",${JSON.stringify(auth)}]`);
    await wire.close();
  });

  test("to / with a payload over polling: auth is the payload", async () => {
    const session = await pollingSocket(server, { auth: { token: "123" } });
    assert.equal(await session.receive(), '42["auth",{"token":"123"}]');
  });

  test("to / written out: 40/, is the default namespace", async () => {
    const wire = await Wire.session(server, PATH);
    wire.send("40/,");
    joined(await wire.receive());
    await wire.close();
  });

  for (const packet of ["40/custom,", "40/custom"]) {
    test(`to a custom namespace with ${packet}`, async () => {
      const wire = await Wire.session(server, PATH);
      wire.send(packet);
      joined(await wire.receive(), "/custom");
      assert.equal(await wire.receive(), '42/custom,["auth",{}]');
      await wire.close();
    });
  }

  test("to a custom namespace with a payload: auth is the payload, in that namespace", async () => {
    const wire = await socket(server, { namespace: "/custom", auth: { token: "abc" } });
    assert.equal(await wire.receive(), '42/custom,["auth",{"token":"abc"}]');
    await wire.close();
  });

  test("to a custom namespace over polling", async () => {
    const session = await pollingSocket(server, { namespace: "/custom", auth: { token: "abc" } });
    assert.equal(await session.receive(), '42/custom,["auth",{"token":"abc"}]');
  });

  test("to both over one connection, each with its own auth and its own id", async () => {
    const wire = await socket(server, { auth: { at: "main" }, greetings: 1 });
    const custom = await join(wire, "/custom", { at: "custom" });
    assert.deepEqual(wire.greetings, ['42["auth",{"at":"main"}]']);
    assert.equal(await wire.receive(), '42/custom,["auth",{"at":"custom"}]');
    assert.equal(new Set([wire.open.sid, wire.id, custom]).size, 3);
    await wire.close();
  });

  for (const namespace of ["/random", "/custom2", "/customs/deeper", "/custom?x=1", "/Custom"]) {
    test(`to ${namespace}, which is unknown: refused, and the connection stays open`, async () => {
      const wire = await Wire.session(server, PATH);
      wire.send(`40${namespace},`);
      assert.equal(await wire.receive(), `44${namespace},${INVALID}`);
      await join(wire);
      await wire.close();
    });
  }

  test("to an unknown namespace with a payload: refused", async () => {
    const session = await Polling.connect(server, PATH);
    await session.send('40/random,{"token":"123"}');
    assert.equal(await session.receive(), `44/random,${INVALID}`);
  });
});

suite("B: invalid handshakes", { application: "B", env: QUIET }, (server) => {
  const handshakes = {
    "no packet type": "4abc",
    "a payload that is an array": "40[]",
    "a payload that is null": "40null",
    "a payload that is text": '40"token"',
    "a payload that is no JSON": "40{",
    "a payload with something behind it": "40{}x",
    "an event before CONNECT": '42["message","too early"]',
    "an ack before CONNECT": "430[]",
    "DISCONNECT before CONNECT": "41",
    "an event to a namespace not joined": '42/custom,["message"]',
    "a message without data": "4",
  };
  for (const [name, packet] of Object.entries(handshakes)) {
    test(`${name} closes a WebSocket connection`, async () => {
      const wire = await Wire.session(server, PATH);
      wire.send(packet);
      await wire.assertCloses(1005);
    });

    test(`${name} closes a polling connection`, async () => {
      const session = await Polling.connect(server, PATH);
      await assertCloses(session, packet);
    });
  }

  test("binary before CONNECT closes the connection", async () => {
    const wire = await Wire.session(server, PATH);
    wire.send(Buffer.from([1, 2, 3]));
    await wire.assertCloses(1005);
  });

  test("a second CONNECT to a joined namespace closes the connection", async () => {
    const wire = await socket(server, { greetings: 1 });
    wire.send("40");
    await wire.assertCloses(1005);
  });
});

suite("B: connect time-out", { application: "B", env: { PING_INTERVAL: "60000" } }, (server) => {
  test("a WebSocket connection that joins nothing is closed after 1,000 ms", async () => {
    const opened = await timed(() => Wire.session(server, PATH));
    const { took } = await timed(() => opened.value.assertCloses(1005));
    assertTook(took + opened.took, 1_000, "the close");
  });

  test("a polling connection that joins nothing is closed after 1,000 ms", async () => {
    const opened = await timed(() => Polling.connect(server, PATH));
    const { value, took } = await timed(() => opened.value.poll());
    assert.deepEqual(value, ["1"]);
    assertTook(took + opened.took, 1_000, "the close");
    await opened.value.assertUnknown();
  });

  test("a refused CONNECT is none: the connection is closed", async () => {
    const wire = await Wire.session(server, PATH);
    wire.send("40/random,");
    assert.equal(await wire.receive(), `44/random,${INVALID}`);
    await wire.assertCloses(1005);
  });

  test("a connection that has joined stays", async () => {
    const wire = await socket(server, { greetings: 1 });
    await sleep(1_300);
    await assertAnswers(wire, '42["message"]', '42["message-back"]');
    await wire.close();
  });

  test("a connection that has joined and left again stays", async () => {
    const wire = await socket(server, { greetings: 1 });
    await leave(wire);
    await sleep(1_300);
    await join(wire);
    await wire.close();
  });
});

suite("B: disconnect", { application: "B", env: QUIET }, (server) => {
  test("from / leaves the connection open, and answers nothing", async () => {
    const wire = await socket(server, { greetings: 1 });
    await leave(wire);
    await wire.close();
  });

  test("from / leaves /custom joined, and the other way round", async () => {
    const wire = await socket(server, { greetings: 1 });
    await join(wire, "/custom");
    await wire.receive();
    wire.send("41/custom,");
    await assertAnswers(wire, '42["message",1]', '42["message-back",1]');
    await join(wire, "/custom");
    await wire.receive();
    await leave(wire);
    await wire.close();
  });

  test("and joining again gives another id", async () => {
    const wire = await socket(server, { greetings: 1 });
    await leave(wire);
    assert.notEqual(await join(wire), wire.id);
    await wire.close();
  });

  test("an event after it closes the connection", async () => {
    const wire = await socket(server, { greetings: 1 });
    await leave(wire);
    wire.send('42["message",1]');
    await wire.assertCloses(1005);
  });

  test("over polling leaves the connection open", async () => {
    const session = await pollingSocket(server, { greetings: 1 });
    await leave(session);
    await join(session);
  });
});
