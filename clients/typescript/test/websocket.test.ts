import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Session } from "../src/engine/session.js";
import type { EngineOptions } from "../src/engine/transport.js";
import { MovedClock, openPacket, playedWebSockets, settle } from "./support.js";

async function start(options: Partial<EngineOptions> = {}) {
  const clock = new MovedClock();
  const { made, WebSocket } = playedWebSockets();
  const log: string[] = [];
  const session = new Session("example.org", true, {
    transports: ["websocket"],
    clock,
    transportOptions: { websocket: { WebSocket } },
    ...options,
  });
  session.on("open", () => log.push("open"));
  session.on("message", (data = "<none>") => log.push(`message ${typeof data === "string" ? data : "<binary>"}`));
  session.on("error", (error) => log.push(`error ${error.message}`));
  session.on("close", (reason) => log.push(`close ${reason}`));
  session.on("drain", () => log.push("drain"));
  await settle();
  return { clock, session, log, socket: made[0]! };
}

async function open(options: Partial<EngineOptions> = {}) {
  const all = await start(options);
  await all.socket.open();
  await all.socket.say(openPacket());
  assert.deepEqual(all.log.splice(0), ["open"]);
  return all;
}

describe("a WebSocket", () => {
  test("opens at the session's address, with protocols and headers where they can be given", async () => {
    const { socket } = await start({ query: { a: "1" }, protocols: ["p"], extraHeaders: { "X-Key": "k" } });
    assert.equal(socket.url.href, "wss://example.org/socket.io/?a=1&EIO=4&transport=websocket");
    assert.deepEqual(socket.protocols, ["p"]);
    assert.deepEqual(socket.init, { headers: { "X-Key": "k" } });
    assert.equal(socket.binaryType, "arraybuffer");
  });

  test("carries text and binary, each as one message", async () => {
    const { socket, session, log } = await open();
    const bytes = new Uint8Array([1, 2]);
    session.send("a");
    session.send(bytes);
    session.send("");
    await settle();
    assert.deepEqual(socket.take(), ["4a", bytes, "4"]);
    await socket.say("4b", new Uint8Array([3]).buffer, "4", "bAQI=");
    assert.deepEqual(log, ["drain", "message b", "message <binary>", "message <none>", "message <binary>"]);
  });

  test("carries binary as base64 when told so", async () => {
    const { socket, session } = await open({ forceBase64: true });
    assert.equal(socket.url.searchParams.get("b64"), "1");
    session.send(new Uint8Array([1, 2]));
    assert.deepEqual(socket.take(), ["bAQI="]);
  });

  test("sends in order what is sent in one go, and is not writable until the go is over", async () => {
    const { socket, session } = await open();
    session.send("a");
    assert.equal(session.transport.writable, false);
    session.send("b");
    session.send("c");
    await settle();
    assert.deepEqual(socket.take(), ["4a", "4b", "4c"]);
    assert.equal(session.transport.writable, true);
  });

  test("fails before the handshake when the connection does, or closes", async () => {
    for (const how of ["onerror", "onclose"] as const) {
      const { socket, log } = await start();
      socket[how]?.({ code: 1006 });
      assert.equal(log.length, 2);
      assert.match(log[0]!, /^error websocket: /);
    }
  });

  test("ends in order when the server closes it", async () => {
    const { socket, log } = await open();
    await socket.drop();
    assert.deepEqual(log, ["close transport close"]);
  });

  test("says why, when the server tells a reason of its own in its Close frame", async () => {
    const { socket, log } = await open();
    socket.onclose?.({ code: 1008, reason: "slow reader" });
    assert.deepEqual(log, ["close slow reader"]);
  });

  test("ends with an error at a message that is no packet", async () => {
    const { socket, log } = await open();
    await socket.say("nonsense", "4a");
    assert.deepEqual(log, ["error websocket: the server sent what is no packet", "close transport error"]);
    assert.ok(socket.closed);
  });

  test("answers pings, and closes when none comes within interval and time-out", async () => {
    const { socket, clock, log } = await open();
    await clock.advance(25_000);
    await socket.say("2");
    assert.deepEqual(socket.take(), ["3"]);
    await clock.advance(44_999);
    assert.deepEqual(log, ["drain"]);
    await clock.advance(1);
    assert.deepEqual(log, ["drain", "close ping timeout"]);
    assert.ok(socket.closed);
  });

  test("hasPingExpired() says what a timer that slept has not said yet", async () => {
    const { session, clock, log } = await open();
    clock.time += 45_000;
    assert.equal(session.hasPingExpired(), false);
    clock.time += 1;
    assert.equal(session.hasPingExpired(), true);
    await settle();
    assert.deepEqual(log, ["close ping timeout"]);
  });

  test("close() sends what waits first", async () => {
    const { socket, session, log } = await open();
    session.send("a");
    session.send("b");
    session.close();
    assert.ok(!socket.closed);
    await settle();
    assert.deepEqual(socket.take(), ["4a", "4b"]);
    assert.ok(socket.closed);
    assert.deepEqual(log, ["drain", "close forced close"]);
  });

  test("counts its handshake, and the bytes of its messages", async () => {
    const { socket, session } = await open();
    const before = session.stats.bytesDown;
    session.send("é");
    session.send(new Uint8Array(10));
    await settle();
    await socket.say("4€", new ArrayBuffer(5));
    const { requests, bytesUp, bytesDown, messagesUp, messagesDown } = session.stats;
    assert.deepEqual([requests, bytesUp, bytesDown - before, messagesUp, messagesDown], [1, 3 + 10, 4 + 5, 2, 2]);
  });

  test("is an error where the runtime has none", async () => {
    const original = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
    Object.defineProperty(globalThis, "WebSocket", { value: undefined, configurable: true });
    try {
      const { log } = await start({ transportOptions: {} });
      assert.deepEqual(log, ["error websocket: none can be made here", "close transport error"]);
    } finally {
      if (original) Object.defineProperty(globalThis, "WebSocket", original);
      else Reflect.deleteProperty(globalThis, "WebSocket");
    }
  });

  test("gives way to the next transport only when told to", async () => {
    const { socket, session, log } = await start({ transports: ["websocket", "polling"], tryAllTransports: true });
    socket.onerror?.({});
    assert.deepEqual(log, []);
    assert.equal(session.transport.name, "polling");
    session.close();
    const alone = await start({ transports: ["websocket", "polling"] });
    alone.socket.onerror?.({});
    assert.equal(alone.log.length, 2);
  });
});
