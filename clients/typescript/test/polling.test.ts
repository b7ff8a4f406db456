import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Session } from "../src/engine/session.js";
import type { EngineOptions } from "../src/engine/transport.js";
import { catchReported, MovedClock, openPacket, PlayedHttp, settle } from "./support.js";

function start(options: Partial<EngineOptions> = {}) {
  const http = new PlayedHttp();
  const clock = new MovedClock();
  const log: string[] = [];
  const session = new Session("example.org:3000", true, {
    transports: ["polling"],
    clock,
    transportOptions: { polling: { fetch: http.fetch } },
    ...options,
  });
  session.on("open", () => log.push("open"));
  session.on("message", (data = "<none>") => log.push(`message ${typeof data === "string" ? data : "<binary>"}`));
  session.on("error", (error) => log.push(`error ${error.message}`));
  session.on("close", (reason) => log.push(`close ${reason}`));
  session.on("drain", () => log.push("drain"));
  return { http, clock, session, log };
}

async function open(options: Partial<EngineOptions> = {}, handshake: Record<string, unknown> = {}) {
  const all = start(options);
  await (await all.http.next("GET")).answer(openPacket(handshake));
  assert.deepEqual(all.log.splice(0), ["open"]);
  return all;
}

describe("long polling", () => {
  test("opens with the handshake's address", async () => {
    const { http } = start({ query: { room: "a&b", none: undefined }, extraHeaders: { "X-Key": "k" } });
    const { url, query, headers } = await http.next("GET");
    assert.equal(url.origin + url.pathname, "https://example.org:3000/socket.io/");
    const { t, ...rest } = query;
    assert.deepEqual(rest, { EIO: "4", transport: "polling", room: "a&b" });
    assert.ok(t);
    assert.equal(headers.get("x-key"), "k");
  });

  test("asks for the path that it was told, with or without the slash", async () => {
    for (const [options, path] of [
      [{ path: "/a/b" }, "/a/b/"],
      [{ path: "/a/b/" }, "/a/b/"],
      [{ path: "/a/", addTrailingSlash: false }, "/a"],
    ] as const) {
      assert.equal((await start(options).http.next("GET")).url.pathname, path);
    }
  });

  test("asks again as soon as an answer is there, with the sid and no wait", async () => {
    const { http, log } = await open();
    const get = await http.next("GET");
    assert.equal(get.query["sid"], "SID");
    assert.ok(!("wait" in get.query));
    await get.answer("4a\x1e4b\x1ebAQI=\x1e4");
    assert.deepEqual(log, ["message a", "message b", "message <binary>", "message <none>"]);
    await http.next("GET");
  });

  test("has one POST under way, and sends what came meanwhile in the next", async () => {
    const { http, session, log } = await open();
    session.send("a");
    session.send("b");
    session.send(new Uint8Array([1, 2]));
    const post = await http.next("POST");
    assert.equal(post.body, "4a");
    assert.equal(post.query["sid"], "SID");
    assert.equal(post.headers.get("content-type"), "text/plain;charset=UTF-8");
    await post.answer("ok");
    const second = await http.next("POST");
    assert.equal(second.body, "4b\x1ebAQI=");
    await second.answer("ok");
    assert.deepEqual(log, ["drain"]);
  });

  test("keeps a payload within the server's limit", async () => {
    const { http, session } = await open({}, { maxPayload: 9 });
    session.send("first");
    for (const text of ["aaa", "bbb", "ccc", "x".repeat(20)]) session.send(text);
    const bodies: string[] = [];
    for (let post = 0; post < 4; post++) {
      const request = await http.next("POST");
      bodies.push(request.body!);
      await request.answer("ok");
    }
    assert.deepEqual(bodies, ["4first", "4aaa\x1e4bbb", "4ccc", "4" + "x".repeat(20)]);
  });

  test("sends the bytes of a Blob, in their turn", async () => {
    const { http, session } = await open();
    session.send("a");
    await (await http.next("POST")).answer("ok");
    session.send(new Blob([new Uint8Array([1, 2])]));
    session.send("b");
    const post = await http.next("POST");
    assert.equal(post.body, "bAQI=");
    await post.answer("ok");
    assert.equal((await http.next("POST")).body, "4b");
  });

  test("answers a ping, and closes when none comes in time", async () => {
    const { http, clock, log } = await open();
    await clock.advance(44_000);
    await (await http.next("GET")).answer("2");
    const pong = await http.next("POST");
    assert.equal(pong.body, "3");
    await pong.answer("ok");
    await clock.advance(44_999);
    assert.deepEqual(log.splice(0), ["drain"]);
    await clock.advance(1);
    assert.deepEqual(log, ["close ping timeout"]);
  });

  test("closes in order when the server says so, and believes nothing after it", async () => {
    const { http, log } = await open();
    await (await http.next("GET")).answer("4a\x1e1\x1e4b");
    assert.deepEqual(log, ["message a", "close transport close"]);
    assert.equal(http.open.length, 0);
  });

  test("says why, when the server tells a reason of its own, and believes no other", async () => {
    for (const [packet, reason] of [
      ["1rate limit", "rate limit"],
      ["1whatever", "transport close"],
    ] as const) {
      const { http, log } = await open();
      await (await http.next("GET")).answer(packet);
      assert.deepEqual(log, ["close " + reason]);
    }
  });

  test("says why, when a POST is refused for it", async () => {
    const { http, session, log } = await open();
    session.send("a");
    await (await http.next("POST")).answer('{"message":"rate limit"}', 400);
    assert.deepEqual(log, ["close rate limit"]);
  });

  test("fails at a packet that is none, after those before it", async () => {
    const { http, log } = await open();
    await (await http.next("GET")).answer("4a\x1ez\x1e4b");
    assert.deepEqual(log, [
      "message a",
      "error polling: the server sent what is no packet",
      "close transport error",
    ]);
  });

  test("says what the server said when it refuses", async () => {
    const { http, log, session } = start();
    let code: number | undefined;
    session.on("error", (error) => (code = error.code));
    await (await http.next("GET")).answer('{"code":1,"message":"Session ID unknown"}', 400);
    assert.deepEqual(log, ["error polling: the server answered 400 Session ID unknown", "close transport error"]);
    assert.equal(code, 1);
  });

  test("fails when what answers is no Engine.IO server", async () => {
    for (const body of ["<html>login</html>", "6", "4hello", '0{"sid":1}', "0nonsense", ""]) {
      const { http, log } = start();
      await (await http.next("GET")).answer(body);
      assert.equal(log.length, 2, body);
      assert.match(log[0]!, /^error polling: /);
    }
  });

  test("fails when the network does, and stops the other request", async () => {
    const { http, session, log } = await open();
    session.send("a");
    const get = await http.next("GET");
    await (await http.next("POST")).breakOff();
    assert.deepEqual(log, ["error polling: the server cannot be reached", "close transport error"]);
    assert.ok(get.aborted);
  });

  test("a request without an answer fails after requestTimeout", async () => {
    const { clock, log } = await open({ requestTimeout: 5_000 });
    await clock.advance(4_999);
    assert.deepEqual(log, []);
    await clock.advance(1);
    assert.deepEqual(log, ["error polling: the server cannot be reached", "close transport error"]);
  });

  test("close() sends what waits, then a goodbye, and cuts the poll last", async () => {
    const { http, session, log } = await open();
    session.send("a");
    session.send("b");
    session.close();
    session.send("too late");
    const get = await http.next("GET");
    await (await http.next("POST")).answer("ok");
    const second = await http.next("POST");
    assert.equal(second.body, "4b");
    assert.deepEqual(log, []);
    await second.answer("ok");
    assert.deepEqual(log, ["drain", "close forced close"]);
    const goodbye = await http.next("POST");
    assert.equal(goodbye.body, "1");
    assert.ok(!get.aborted);
    await goodbye.answer("ok");
    assert.ok(get.aborted);
  });

  test("close() waits no longer than five seconds for a POST", async () => {
    const { session, clock, log } = await open();
    session.send("a");
    session.close();
    await clock.advance(4_999);
    assert.deepEqual(log, []);
    await clock.advance(1);
    assert.deepEqual(log, ["close forced close"]);
  });

  test("close() before the handshake leaves no session behind", async () => {
    const { http, session, log } = start();
    const get = await http.next("GET");
    session.close();
    assert.deepEqual(log, ["close forced close"]);
    await get.answer(openPacket());
    const goodbye = await http.next("POST");
    assert.equal(goodbye.body, "1");
    assert.equal(goodbye.query["sid"], "SID");
    assert.deepEqual(log, ["close forced close"]);
  });

  test("nothing is left hanging when nobody answers a goodbye, or a handshake that was given up", async () => {
    const { http, session, clock } = await open();
    session.send("a");
    session.close();
    await clock.advance(5_000);
    assert.equal(http.open.length, 2);
    await clock.advance(5_000);
    assert.equal(http.open.length, 0);

    const early = start();
    await early.http.next("GET");
    early.session.close();
    await early.clock.advance(5_000);
    assert.equal(early.http.open.length, 0);
    assert.deepEqual(early.log, ["close forced close"]);
  });

  test("counts requests, bytes of bodies, and messages", async () => {
    const { http, session } = await open();
    const handshake = Buffer.byteLength(openPacket());
    session.send("é");
    await (await http.next("POST")).answer("ok");
    await (await http.next("GET")).answer("4€\x1e2");
    await (await http.next("POST")).answer("ok");
    await settle();
    assert.deepEqual(session.stats, {
      // Handshake, POST, poll, POST of the pong, and the next poll, which still waits.
      requests: 5,
      bytesUp: 3 + 1,
      bytesDown: handshake + 2 + (4 + 1 + 1) + 2,
      messagesUp: 1,
      messagesDown: 1,
    });
  });

  test("a listener that throws stops neither the poll nor the others", async () => {
    const { http, session, log } = await open();
    const thrown = catchReported();
    session.on("message", () => {
      throw new Error("listener");
    });
    session.on("message", () => log.push("second"));
    await (await http.next("GET")).answer("4a");
    assert.deepEqual(log, ["message a", "second"]);
    assert.deepEqual(thrown().map(String), ["Error: listener"]);
    await http.next("GET");
  });
});

describe("short polling", () => {
  const short: Partial<EngineOptions> = { poll: { wait: 0 } };

  test("tells the server not to hold a poll", async () => {
    const { http } = start(short);
    assert.equal((await http.next("GET")).query["wait"], "0");
  });

  test("asks less and less often while nothing comes", async () => {
    const { http, clock } = await open(short);
    // The handshake was an answer that brought something.
    for (const gap of [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      await clock.advance(gap - 1);
      assert.equal(http.open.length, 0, `${gap} ms`);
      await clock.advance(1);
      await (await http.next("GET")).answer("6");
    }
  });

  test("asks soon again after something came, and after something was sent", async () => {
    const { http, clock, session } = await open(short);
    for (const gap of [250, 500, 1_000, 2_000]) {
      await clock.advance(gap);
      await (await http.next("GET")).answer("6");
    }
    session.send("a");
    const post = await http.next("POST");
    assert.equal(post.body, "4a");
    await clock.advance(250);
    await (await http.next("GET")).answer("6");
    await post.answer("ok");
    await clock.advance(500);
    await (await http.next("GET")).answer("4b");
    await clock.advance(250);
    await http.next("GET");
  });

  test("asks often enough for a ping to be answered within the server's patience", async () => {
    const { http, clock } = await open(short, { pingInterval: 10_000, pingTimeout: 1_000 });
    for (const gap of [250, 500, 500, 500]) {
      await clock.advance(gap);
      await (await http.next("GET")).answer("6");
    }
  });

  test("takes its pace from the options", async () => {
    const { http, clock } = await open({ poll: { wait: 0, min: 10, max: 15 } });
    for (const gap of [10, 15, 15]) {
      await clock.advance(gap);
      await (await http.next("GET")).answer("6");
    }
  });

  test("asks seldom while nobody looks, and at once when somebody does again", async (t) => {
    const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    Object.defineProperty(globalThis, "document", { value: page, configurable: true });
    t.after(() => Reflect.deleteProperty(globalThis, "document"));
    const { http, clock, session } = await open(short, { pingInterval: 100_000, pingTimeout: 100_000 });
    for (const gap of [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await clock.advance(gap - 1);
      assert.equal(http.open.length, 0, `${gap} ms`);
      await clock.advance(1);
      await (await http.next("GET")).answer("6");
    }
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
    await clock.advance(250);
    await (await http.next("GET")).answer("6");
    session.close();
    await (await http.next("POST")).answer("ok");
    page.dispatchEvent(new Event("visibilitychange"));
    await clock.advance(60_000);
    assert.equal(http.open.length, 0);
  });

  test("polls no more once closed", async () => {
    const { http, clock, session } = await open(short);
    session.close();
    await (await http.next("POST")).answer("ok");
    await clock.advance(60_000);
    assert.equal(http.open.length, 0);
  });
});
