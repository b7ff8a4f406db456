// Application D: its options and its namespaces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, client, connected, next, settled, whenConnected } from "./support/client.mjs";
import { request } from "./support/http.mjs";
import { Polling } from "./support/polling.mjs";
import { assertAnswers, join, PATH, pollingSocket, socket, SOCKET_ID } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { assertCanTakeWithin, assertTook, sleep, timed } from "./support/time.mjs";
import { Wire } from "./support/websocket.mjs";

const REFUSED = { main: "Auth failed (main namespace)", custom: "Auth failed (custom namespace)" };

suite("D: server options", { application: "D" }, (server) => {
  test("path is /socket.io/, the client's default", async (t) => {
    await connected(t, server);
    assert.equal((await request(server, "/engine.io/?EIO=4&transport=polling")).status, 404);
  });

  test("transports: polling is served, and offers the upgrade", async () => {
    const session = await Polling.connect(server, PATH);
    assert.deepEqual(session.open.upgrades, ["websocket"]);
  });

  test("transports: WebSocket is served", async () => {
    const wire = await socket(server);
    await wire.close();
  });

  test("transports: a client of default settings starts with polling and upgrades", async (t) => {
    const peer = await connected(t, server);
    await settled(peer);
    assert.deepEqual(await acknowledged(peer, "echo", "moved"), ["moved"]);
  });

  test("pingInterval is 2,000 ms, pingTimeout 20 s, maxPayload 1 MB", async () => {
    const { open } = await Polling.connect(server, PATH);
    const { pingInterval, pingTimeout, maxPayload } = open;
    assert.deepEqual({ pingInterval, pingTimeout, maxPayload }, { pingInterval: 2_000, pingTimeout: 20_000, maxPayload: 1_000_000 });
  });

  test("the first ping comes after 2 s, not at once, over WebSocket", async () => {
    const opened = await timed(() => socket(server));
    const { value, took } = await timed(() => opened.value.receive());
    assert.equal(value, "2");
    assertTook(took + opened.took, 2_000, "the first ping");
    await opened.value.close();
  });

  test("the first ping comes after 2 s, not at once, over polling", async () => {
    const opened = await timed(() => pollingSocket(server));
    const { value, took } = await timed(() => opened.value.receive());
    assert.equal(value, "2");
    assertTook(took + opened.took, 2_000, "the first ping");
  });

  test("connectTimeout is not that of B: a connection that has joined nothing for 3 s is still welcome", async () => {
    const wire = await Wire.session(server, PATH);
    await sleep(3_000);
    assert.equal(await wire.receive(), "2");
    wire.send("3");
    await join(wire);
    await wire.close();
  });

  const handshakes = {
    "HTTP": async () => { await Polling.connect(server, PATH); },
    "WebSocket": async () => { await (await Wire.session(server, PATH)).close(); },
  };
  for (const [name, handshake] of Object.entries(handshakes)) {
    test(`each ${name} request is let in after 10 ms`, async () => {
      for (let round = 0; round < 10; round++) {
        const { took } = await timed(handshake);
        assert.ok(took >= 10, `it was let in after ${took.toFixed(1)} ms`);
      }
    });
  }

  test("requests wait beside each other, not one behind the other", async () => {
    const many = () => Promise.all(Array.from({ length: 40 }, () => Polling.connect(server, PATH)));
    await assertCanTakeWithin(40 * 10, "40 handshakes", async () => (await timed(many)).took);
  });

  test("a connection that cannot be made at once times out at once, as the client's own tests expect", async (t) => {
    const peer = client(t, server, "/", { timeout: 0 });
    const [error] = await next(peer, "connect_error");
    assert.equal(error.message, "timeout");
  });
});

suite("D: namespaces in raw packets", { application: "D", env: QUIET }, (server) => {
  test("/ connects without fail in the query", async () => {
    await (await socket(server)).close();
  });

  for (const fail of ["1", "true", "0", "false", "x"]) {
    test(`/ refuses when the query has fail=${fail}, and the connection stays open`, async () => {
      const wire = await Wire.connect(server, `${PATH}?EIO=4&transport=websocket&fail=${fail}`);
      await wire.receive();
      wire.send("40");
      assert.equal(await wire.receive(), `44{"message":"${REFUSED.main}"}`);
      await join(wire, "/valid");
      await wire.close();
    });
  }

  test("/ connects when fail is empty: only what is truthy refuses", async () => {
    await (await socket(server, { query: "&fail=" })).close();
  });

  test("/ refuses by the query of the handshake, over polling", async () => {
    const answer = await request(server, `${PATH}?EIO=4&transport=polling&fail=true`);
    const session = new Polling(server, PATH, answer.text);
    await session.send("40");
    assert.equal(await session.receive(), `44{"message":"${REFUSED.main}"}`);
  });

  test("/foo: getId acknowledges with the socket's id", async () => {
    const wire = await socket(server, { namespace: "/foo" });
    await assertAnswers(wire, '42/foo,0["getId"]', `43/foo,0["${wire.id}"]`);
    await wire.close();
  });

  test("/abc: handshake comes at connection", async () => {
    const wire = await socket(server, { namespace: "/abc", greetings: 1 });
    assert.ok(wire.greetings[0].startsWith('42/abc,["handshake",{'), wire.greetings[0]);
    await wire.close();
  });

  for (const namespace of ["/timeout_socket", "/valid", "/asd"]) {
    test(`${namespace} exists, and does nothing`, async () => {
      const wire = await socket(server, { namespace });
      wire.send(`42${namespace},0["getId"]`, `42${namespace},["hi"]`);
      // The answer of another namespace shows that nothing came before it.
      await join(wire, "/foo");
      await wire.close();
    });
  }

  test("/no refuses, and the connection stays open", async () => {
    const wire = await Wire.session(server, PATH);
    wire.send("40/no,");
    assert.equal(await wire.receive(), `44/no,{"message":"${REFUSED.custom}"}`);
    await join(wire);
    await wire.close();
  });

  for (const namespace of ["/bar", "/invalid", "/Foo", "/foo/bar"]) {
    test(`${namespace} is invalid, and the connection stays open`, async () => {
      const wire = await Wire.session(server, PATH);
      wire.send(`40${namespace},`);
      assert.equal(await wire.receive(), `44${namespace},{"message":"Invalid namespace"}`);
      await join(wire);
      await wire.close();
    });
  }
});

suite("D: namespaces with the official client", { application: "D", env: QUIET }, (server) => {
  const refusals = [
    ["/?fail=true", REFUSED.main],
    ["/no", REFUSED.custom],
    ["/bar", "Invalid namespace"],
    ["/invalid", "Invalid namespace"],
  ];
  for (const [address, message] of refusals) {
    test(`${address} is refused with ${message}, and the connection serves others`, async (t) => {
      const peer = client(t, server, address);
      const [error] = await next(peer, "connect_error");
      assert.equal(error.message, message);
      assert.equal(error.data, undefined);
      await whenConnected(peer.io.socket("/valid"));
    });
  }

  for (const namespace of ["/", "/foo", "/abc", "/timeout_socket", "/valid", "/asd"]) {
    test(`${namespace} connects`, async (t) => {
      const peer = await connected(t, server, namespace);
      assert.match(peer.id, SOCKET_ID);
    });
  }

  test("/foo: getId acknowledges with the client's own idea of its id", async (t) => {
    const peer = await connected(t, server, "/foo");
    assert.deepEqual(await acknowledged(peer, "getId"), [peer.id]);
  });
});

const FIELDS = ["headers", "time", "address", "xdomain", "secure", "issued", "url", "query", "auth"];

/** `shown` is the handshake of a connection over `transport`, from `origin` or from none. */
function assertHandshake(shown, transport, origin) {
  assert.deepEqual(Object.keys(shown).toSorted(), FIELDS.toSorted());
  assert.equal(typeof shown.headers, "object");
  assert.ok(!Number.isNaN(Date.parse(shown.time)), shown.time);
  assert.match(shown.address, /127\.0\.0\.1$/);
  assert.equal(shown.xdomain, origin !== undefined);
  assert.equal(shown.secure, false);
  assert.ok(Number.isInteger(shown.issued) && Math.abs(Date.now() - shown.issued) < 60_000, `issued ${shown.issued}`);
  assert.ok(Math.abs(Date.parse(shown.time) - shown.issued) < 2_000, "time and issued are the same moment");
  assert.ok(shown.url.startsWith("/socket.io/?"), shown.url);
  assert.equal(shown.query.EIO, "4");
  assert.equal(shown.query.transport, transport);
}

suite("D: handshake", { application: "D", env: QUIET }, (server) => {
  test("has its nine fields, over WebSocket", async () => {
    const headers = { "x-marked": "yes" };
    const wire = await socket(server, { namespace: "/abc", greetings: 1, headers, query: "&t=abc" });
    const [, shown] = JSON.parse(wire.greetings[0].slice("42/abc,".length));
    assertHandshake(shown, "websocket");
    assert.equal(shown.headers["x-marked"], "yes");
    assert.equal(shown.headers.host, `${server.host}:${server.port}`);
    assert.equal(shown.query.t, "abc");
    assert.equal(shown.url, "/socket.io/?EIO=4&transport=websocket&t=abc");
    assert.deepEqual(shown.auth, {});
    await wire.close();
  });

  test("has its nine fields, over polling", async () => {
    const session = await pollingSocket(server, { namespace: "/abc", auth: { token: [1] }, greetings: 1 });
    const [, shown] = JSON.parse(session.greetings[0].slice("42/abc,".length));
    assertHandshake(shown, "polling");
    assert.deepEqual(shown.auth, { token: [1] });
  });

  test("xdomain says whether there was an Origin", async () => {
    const wire = await socket(server, { namespace: "/abc", greetings: 1, headers: { origin: "https://elsewhere.example" } });
    const [, shown] = JSON.parse(wire.greetings[0].slice("42/abc,".length));
    assertHandshake(shown, "websocket", "https://elsewhere.example");
    await wire.close();
  });

  test("/abc and getHandshake on / show the same connection", async (t) => {
    const peer = await connected(t, server);
    const other = peer.io.socket("/abc");
    const [there] = await next(other, "handshake");
    const [here] = await acknowledged(peer, "getHandshake");
    assertHandshake(here, "polling");
    assert.deepEqual(there.query, here.query);
    assert.deepEqual(there.headers, here.headers);
    assert.equal(there.url, here.url);
  });

  test("query is URL-decoded: names and values with &, = and ? come back as given", async (t) => {
    const peer = client(t, server, "/abc", { query: { "&a": "&=?a", text: "てすと 😀+ %" } });
    const [shown] = await next(peer, "handshake");
    assert.equal(shown.query["&a"], "&=?a");
    assert.equal(shown.query.text, "てすと 😀+ %");
  });

  test("query may stand in the address", async (t) => {
    const peer = client(t, server, "/abc?b=c&d=e%20f");
    const [shown] = await next(peer, "handshake");
    assert.equal(shown.query.b, "c");
    assert.equal(shown.query.d, "e f");
  });

  test("query has EIO, transport and t", async (t) => {
    const peer = client(t, server, "/abc", { timestampRequests: true });
    const [shown] = await next(peer, "handshake");
    assert.equal(shown.query.EIO, "4");
    assert.equal(shown.query.transport, "polling");
    assert.ok(shown.query.t);
  });

  test("auth is the payload of CONNECT, and query has nothing of it", async (t) => {
    const peer = client(t, server, "/abc", { auth: { a: "b", c: { d: 1 } } });
    const [shown] = await next(peer, "handshake");
    assert.deepEqual(shown.auth, { a: "b", c: { d: 1 } });
    assert.ok(!("a" in shown.query), "query.a is absent");
  });

  test("auth may be a function of the client", async (t) => {
    const peer = client(t, server, "/abc", { auth: (tell) => tell({ late: true }) });
    const [shown] = await next(peer, "handshake");
    assert.deepEqual(shown.auth, { late: true });
  });
});
