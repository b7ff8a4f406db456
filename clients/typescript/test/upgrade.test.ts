import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Session } from "../src/engine/session.js";
import type { EngineOptions, TransportName } from "../src/engine/transport.js";
import { MovedClock, openPacket, PlayedHttp, playedWebSockets, settle } from "./support.js";

function start(transports: TransportName[], options: Partial<EngineOptions> = {}) {
  const http = new PlayedHttp();
  const clock = new MovedClock();
  const { made: sockets, WebSocket } = playedWebSockets();
  const log: string[] = [];
  const session = new Session("example.org", false, {
    transports,
    clock,
    transportOptions: { polling: { fetch: http.fetch }, sse: { fetch: http.fetch }, websocket: { WebSocket } },
    ...options,
  });
  session.on("open", () => log.push(`open ${session.transport.name}`));
  session.on("message", (data) => log.push(`message ${String(data)}`));
  session.on("upgrading", (transport) => log.push(`upgrading ${transport.name}`));
  session.on("upgrade", (transport) => log.push(`upgrade ${transport.name}`));
  session.on("upgradeError", (error) => log.push(`upgradeError ${error.message}`));
  session.on("error", (error) => log.push(`error ${error.message}`));
  session.on("close", (reason) => log.push(`close ${reason}`));
  return { http, clock, session, log, sockets };
}

async function startPolling(
  upgrades: TransportName[],
  transports: TransportName[],
  options: Partial<EngineOptions> = {},
) {
  const all = start(transports, options);
  await (await all.http.next("GET")).answer(openPacket({ upgrades }));
  await settle();
  assert.deepEqual(all.log.splice(0), ["open polling"]);
  return all;
}

async function startStream(upgrades: TransportName[]) {
  const all = start(["sse", "websocket"]);
  const stream = await all.http.next("GET", "sse");
  await stream.startStream();
  await stream.write(`id: SID.0\ndata: ${openPacket({ upgrades })}\n\n`);
  assert.deepEqual(all.log.splice(0), ["open sse"]);
  return { ...all, stream };
}

describe("from polling to WebSocket", () => {
  const begin = (options?: Partial<EngineOptions>) =>
    startPolling(["websocket"], ["polling", "websocket"], options);

  test("probes, waits for the poll and the POST, says 5, and sends what waited", async () => {
    const { http, session, sockets, log } = await begin();
    const [socket] = sockets;
    assert.equal(socket!.url.href, "ws://example.org/socket.io/?EIO=4&transport=websocket&sid=SID");
    session.send("a");
    const post = await http.next("POST");
    await socket!.open();
    assert.deepEqual(socket!.take(), ["2probe"]);
    await socket!.say("3probe");
    assert.deepEqual(log.splice(0), ["upgrading websocket"]);
    session.send("b");
    await (await http.next("GET")).answer("4late\x1e6");
    assert.deepEqual(log.splice(0), ["message late"]);
    assert.deepEqual(socket!.take(), []);
    await post.answer("ok");
    assert.deepEqual(log.splice(0), ["upgrade websocket"]);
    assert.deepEqual(socket!.take(), ["5", "4b"]);
    assert.equal(http.open.length, 0);
    session.send("c");
    await socket!.say("4d", "2");
    assert.deepEqual(socket!.take(), ["4c", "3"]);
    assert.deepEqual(log, ["message d"]);
    assert.equal(session.transport.name, "websocket");
  });

  test("goes on polling when the WebSocket fails, with nothing lost", async () => {
    const { http, session, sockets, log } = await begin();
    sockets[0]!.onerror?.({});
    await settle();
    assert.deepEqual(log.splice(0), ["upgradeError websocket: the connection failed"]);
    session.send("a");
    assert.equal((await http.next("POST")).body, "4a");
    await (await http.next("GET")).answer("4b");
    assert.deepEqual(log, ["message b"]);
  });

  test("goes on polling when the WebSocket never opens", async () => {
    const { http, session, sockets, clock, log } = await begin();
    await clock.advance(2_999);
    assert.deepEqual(log, []);
    await clock.advance(1);
    assert.deepEqual(log.splice(0), ["upgradeError websocket: no answer in time"]);
    assert.ok(sockets[0]!.closed);
    session.send("a");
    assert.equal((await http.next("POST")).body, "4a");
  });

  test("goes on polling when the probe is never answered, or by something else", async () => {
    for (const answer of ["", "4hello", "3", "6"]) {
      const { http, sockets, clock, log } = await begin();
      await sockets[0]!.open();
      if (answer) await sockets[0]!.say(answer);
      else await clock.advance(3_000);
      assert.match(log[0]!, /^upgradeError websocket: (the probe was refused|no answer in time)$/);
      assert.equal(log.length, 1);
      assert.ok(sockets[0]!.closed);
      await http.next("GET");
    }
  });

  test("waits longer for a probe where the handshake took long, up to eight seconds", async () => {
    for (const [took, patience] of [
      [100, 3_000],
      [500, 5_000],
      [4_000, 8_000],
    ] as const) {
      const { http, clock, log } = start(["polling", "websocket"]);
      const get = await http.next("GET");
      await clock.advance(took);
      await get.answer(openPacket({ upgrades: ["websocket"] }));
      await clock.advance(patience - 1);
      assert.equal(log.length, 1);
      await clock.advance(1);
      assert.equal(log[1], "upgradeError websocket: no answer in time");
    }
  });

  test("takes the pause back when the poll is never released", async () => {
    const { http, session, sockets, clock, log } = await begin();
    await sockets[0]!.open();
    await sockets[0]!.say("3probe");
    session.send("a");
    await clock.advance(3_000);
    assert.deepEqual(log.splice(0), ["upgrading websocket", "upgradeError websocket: no answer in time"]);
    assert.equal((await http.next("POST")).body, "4a");
    await (await http.next("GET")).answer("4b");
    assert.deepEqual(log, ["message b"]);
    await http.next("GET");
  });

  test("takes the pause back when the WebSocket dies behind its answer", async () => {
    const { http, session, sockets, log } = await begin();
    await sockets[0]!.open();
    await sockets[0]!.say("3probe");
    await sockets[0]!.drop();
    assert.deepEqual(log.splice(0), ["upgrading websocket", "upgradeError websocket: it closed"]);
    session.send("a");
    assert.equal((await http.next("POST")).body, "4a");
    await (await http.next("GET")).answer("6");
    await http.next("GET");
  });

  test("a session that closes takes the probe with it", async () => {
    const { http, session, sockets, log } = await begin();
    await sockets[0]!.open();
    session.close();
    assert.deepEqual(log, ["close forced close"]);
    assert.ok(sockets[0]!.closed);
    assert.equal((await http.next("POST")).body, "1");
  });

  test("close() in the middle of it waits for its end", async () => {
    const { http, session, sockets, log } = await begin();
    await sockets[0]!.open();
    await sockets[0]!.say("3probe");
    session.send("a");
    session.close();
    assert.deepEqual(log.splice(0), ["upgrading websocket"]);
    await (await http.next("GET")).answer("6");
    assert.deepEqual(log, ["upgrade websocket", "close forced close"]);
    assert.deepEqual(sockets[0]!.take(), ["2probe", "5", "4a"]);
    assert.ok(sockets[0]!.closed);
  });

  test("from short polling it begins without waiting for the next poll", async () => {
    const { sockets, log, clock } = await begin({ poll: { wait: 0 } });
    await sockets[0]!.open();
    await sockets[0]!.say("3probe");
    assert.deepEqual(log, ["upgrading websocket", "upgrade websocket"]);
    assert.deepEqual(sockets[0]!.take(), ["2probe", "5"]);
    await clock.advance(20_000);
  });

  test("is not tried when the server, the options or `upgrade` do not have it", async () => {
    for (const [upgrades, transports, options] of [
      [[], ["polling", "websocket"], {}],
      [["websocket"], ["polling"], {}],
      [["websocket"], ["polling", "websocket"], { upgrade: false }],
    ] as [TransportName[], TransportName[], Partial<EngineOptions>][]) {
      assert.equal((await startPolling(upgrades, transports, options)).sockets.length, 0);
    }
  });
});

describe("from polling to an event stream", () => {
  test("probes by POST, waits for the poll, says 5 by POST, and sends what waited", async () => {
    const { http, session, log } = await startPolling(["sse"], ["polling", "sse"]);
    const stream = await http.next("GET", "sse");
    assert.deepEqual(stream.query, { EIO: "4", transport: "sse", sse: "1", sid: "SID" });
    await stream.startStream();
    const probe = await http.next("POST", "sse");
    assert.equal(probe.body, "2probe");
    await stream.write("data: 3probe\n\n");
    assert.deepEqual(log.splice(0), ["upgrading sse"]);
    session.send("a");
    await (await http.next("GET", "polling")).answer("6");
    // The probe's own POST is still under way, and there is never a second.
    assert.deepEqual(log, []);
    await probe.answer("ok");
    assert.deepEqual(log.splice(0), ["upgrade sse"]);
    const five = await http.next("POST", "sse");
    assert.equal(five.body, "5");
    await five.answer("ok");
    assert.equal((await http.next("POST", "sse")).body, "4a");
    await stream.write("id: SID.1\ndata: 4b\n\n");
    assert.deepEqual(log, ["message b"]);
  });

  test("goes on polling when the stream is refused or breaks", async () => {
    for (const how of ["refuse", "break"] as const) {
      const { http, log } = await startPolling(["sse"], ["polling", "sse"]);
      const stream = await http.next("GET", "sse");
      if (how === "refuse") await stream.answer('{"code":3,"message":"Bad request"}', 400);
      else {
        await stream.startStream();
        await stream.endStream();
      }
      assert.match(log[0]!, /^upgradeError sse: /);
      await (await http.next("GET", "polling")).answer("4a");
      assert.equal(log[1], "message a");
    }
  });

  test("goes on polling when the probe is never answered, and says nothing that would end the session", async () => {
    const { http, log, clock, session } = await startPolling(["sse"], ["polling", "sse"]);
    const stream = await http.next("GET", "sse");
    await stream.startStream();
    await (await http.next("POST", "sse")).answer("ok");
    await clock.advance(3_000);
    assert.deepEqual(log, ["upgradeError sse: no answer in time"]);
    assert.ok(stream.aborted);
    session.send("a");
    const post = await http.next("POST");
    assert.deepEqual([post.body, post.query["transport"]], ["4a", "polling"]);
  });

  test("is tried after WebSocket has failed, whatever order the server names them in", async () => {
    const { http, sockets, log } = await startPolling(["sse", "websocket"], ["polling", "sse", "websocket"]);
    assert.equal(http.open.filter((request) => request.query["transport"] === "sse").length, 0);
    sockets[0]!.onerror?.({});
    await settle();
    assert.deepEqual(log, ["upgradeError websocket: the connection failed"]);
    await http.next("GET", "sse");
  });

  test("is tried where no WebSocket can be made", async () => {
    class None {
      constructor() {
        throw new Error("none");
      }
    }
    const http = new PlayedHttp();
    const session = new Session("example.org", false, {
      transports: ["polling", "sse", "websocket"],
      clock: new MovedClock(),
      transportOptions: {
        polling: { fetch: http.fetch },
        sse: { fetch: http.fetch },
        websocket: { WebSocket: None as never },
      },
    });
    await (await http.next("GET")).answer(openPacket({ upgrades: ["sse", "websocket"] }));
    const stream = await http.next("GET", "sse");
    await stream.startStream();
    await (await http.next("POST", "sse")).answer("ok");
    await stream.write("data: 3probe\n\n");
    await (await http.next("GET", "polling")).answer("6");
    assert.equal(session.transport.name, "sse");
  });
});

describe("from an event stream to WebSocket", () => {
  test("waits for the noop that ends the stream, and for the POST under way", async () => {
    const { http, session, sockets, stream, log } = await startStream(["websocket"]);
    session.send("a");
    const post = await http.next("POST");
    await sockets[0]!.open();
    await sockets[0]!.say("3probe");
    session.send("b");
    await stream.write("id: SID.1\ndata: 4late\n\n");
    await post.answer("ok");
    assert.deepEqual(log.splice(0), ["upgrading websocket", "message late"]);
    await stream.write("data: 6\n\n");
    assert.deepEqual(log, ["upgrade websocket"]);
    assert.ok(stream.aborted);
    assert.deepEqual(sockets[0]!.take(), ["2probe", "5", "4b"]);
  });

  test("remembers a noop that came before the answer to the probe", async () => {
    const { sockets, stream, log } = await startStream(["websocket"]);
    await sockets[0]!.open();
    await stream.write("data: 6\n\n");
    await sockets[0]!.say("3probe");
    assert.deepEqual(log, ["upgrading websocket", "upgrade websocket"]);
  });

  test("stays on the stream when the WebSocket dies behind its answer", async () => {
    const { http, session, sockets, stream, log } = await startStream(["websocket"]);
    await sockets[0]!.open();
    await sockets[0]!.say("3probe");
    await sockets[0]!.drop();
    await stream.write("data: 6\n\nid: SID.1\ndata: 4a\n\n");
    assert.deepEqual(log, ["upgrading websocket", "upgradeError websocket: it closed", "message a"]);
    session.send("b");
    assert.equal((await http.next("POST")).body, "4b");
    assert.ok(!stream.aborted);
  });
});

describe("rememberUpgrade", () => {
  test("begins with WebSocket after an upgrade that held, and with polling again after a failure", async () => {
    const first = await startPolling(["websocket"], ["polling", "websocket"]);
    await first.sockets[0]!.open();
    await first.sockets[0]!.say("3probe");
    await (await first.http.next("GET")).answer("6");
    assert.deepEqual(first.log, ["upgrading websocket", "upgrade websocket"]);

    const second = start(["polling", "websocket"], { rememberUpgrade: true });
    await settle();
    assert.equal(second.http.requests.length, 0);
    second.sockets[0]!.onerror?.({});
    assert.match(second.log[0]!, /^error websocket/);

    const third = start(["polling", "websocket"], { rememberUpgrade: true });
    await third.http.next("GET", "polling");
  });
});
