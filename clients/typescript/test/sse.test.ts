import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { Session } from "../src/engine/session.js";
import type { EngineOptions, EventSourceConstructor } from "../src/engine/transport.js";
import { MovedClock, openPacket, PlayedHttp, settle, type PlayedRequest } from "./support.js";

function start(options: Partial<EngineOptions> = {}) {
  const http = new PlayedHttp();
  const clock = new MovedClock();
  const log: string[] = [];
  const session = new Session("example.org", false, {
    transports: ["sse"],
    clock,
    transportOptions: { polling: { fetch: http.fetch }, sse: { fetch: http.fetch } },
    ...options,
  });
  session.on("open", () => log.push("open"));
  session.on("message", (data) => log.push(`message ${typeof data === "string" ? data : "<binary>"}`));
  session.on("error", (error) => log.push(`error ${error.message}`));
  session.on("close", (reason) => log.push(`close ${reason}`));
  return { http, clock, session, log };
}

function event(id: number, ...packets: string[]): string {
  return `id: SID.${id}\n${packets.map((packet) => `data: ${packet}\n`).join("")}\n`;
}

async function open(options: Partial<EngineOptions> = {}) {
  const all = start(options);
  const stream = await all.http.next("GET", "sse");
  await stream.startStream();
  await stream.write("retry: 1000\n" + event(0, openPacket()));
  assert.deepEqual(all.log.splice(0), ["open"]);
  return { ...all, stream };
}

describe("an event stream by fetch", () => {
  test("opens with a request that needs no preflight", async () => {
    const { http } = start();
    const { query, headers } = await http.next("GET");
    assert.deepEqual(query, { EIO: "4", transport: "sse", sse: "1" });
    assert.deepEqual([...headers], [["accept", "text/event-stream"]]);
  });

  test("brings packets as they come, several in one event, binary as base64", async () => {
    const { stream, log } = await open();
    await stream.write(event(2, "4a", "bAQI="));
    await stream.write("data:4b\r\n\r\n: comment\n\n");
    assert.deepEqual(log, ["message a", "message <binary>", "message b"]);
  });

  test("reads a packet that holds line ends, sent as B and base64", async () => {
    const { stream, log } = await open();
    await stream.write(event(1, "B" + Buffer.from("4é\nb\r").toString("base64")));
    assert.deepEqual(log, ["message é\nb\r"]);
  });

  test("sends by POST, one at a time", async () => {
    const { http, session } = await open();
    session.send("a");
    session.send("b");
    const post = await http.next("POST", "sse");
    assert.deepEqual([post.body, post.query["sid"], post.query["transport"]], ["4a", "SID", "sse"]);
    assert.equal(post.headers.get("accept"), null);
    await post.answer("ok");
    assert.equal((await http.next("POST")).body, "4b");
  });

  test("answers a ping by POST", async () => {
    const { http, stream } = await open();
    await stream.write("data: 2\n\n");
    assert.equal((await http.next("POST")).body, "3");
  });

  test("fails at a packet that is none, and cuts the stream", async () => {
    const { stream, log } = await open();
    await stream.write("data: nonsense\n\n");
    assert.deepEqual(log, ["error sse: the server sent what is no packet", "close transport error"]);
    assert.ok(stream.aborted);
  });

  test("closes in order when the server says so", async () => {
    const { stream, log } = await open();
    await stream.write(event(1, "4a", "1", "4b"));
    assert.deepEqual(log, ["message a", "close transport close"]);
  });

  test("says why, when the server tells a reason of its own", async () => {
    const { stream, log } = await open();
    await stream.write(event(1, "1memory budget"));
    assert.deepEqual(log, ["close memory budget"]);
  });

  test("close() says goodbye by POST and cuts the stream then", async () => {
    const { http, session, stream, log } = await open();
    session.close();
    const goodbye = await http.next("POST");
    assert.equal(goodbye.body, "1");
    assert.ok(!stream.aborted);
    await goodbye.answer("ok");
    assert.ok(stream.aborted);
    assert.deepEqual(log, ["close forced close"]);
  });

  test("counts the stream's bytes, comments too", async () => {
    const { stream, session } = await open();
    const before = session.stats.bytesDown;
    await stream.write(":\n" + event(1, "4é"));
    assert.equal(session.stats.bytesDown - before, Buffer.byteLength(":\n" + event(1, "4é")));
    assert.deepEqual([session.stats.requests, session.stats.messagesDown], [1, 1]);
  });
});

describe("a broken stream", () => {
  async function resume(all: Awaited<ReturnType<typeof open>>, ms: number): Promise<PlayedRequest> {
    await all.clock.advance(ms);
    return all.http.next("GET", "sse");
  }

  for (const end of ["endStream", "breakOff"] as const) {
    test(`is asked for again from the last whole event (${end})`, async () => {
      const all = await open();
      await all.stream.write(event(7, "4a"));
      await all.stream.write("id: SID.8\ndata: 4b");
      await all.stream[end]();
      const again = await resume(all, 100);
      assert.equal(again.headers.get("last-event-id"), "SID.7");
      assert.equal(again.query["sid"], "SID");
      await again.startStream();
      await again.write(event(8, "4b"));
      assert.deepEqual(all.log, ["message a", "message b"]);
    });
  }

  test("holds back what is sent, and sends it once it is whole, with a pong", async () => {
    const all = await open();
    await all.stream.breakOff();
    all.session.send("a");
    await settle();
    assert.equal(all.http.open.length, 0);
    const again = await resume(all, 100);
    await again.startStream();
    const post = await all.http.next("POST");
    assert.equal(post.body, "4a\x1e3");
  });

  test("does not keep close() from telling the server", async () => {
    const all = await open();
    await all.stream.breakOff();
    all.session.close();
    assert.deepEqual(all.log, ["close forced close"]);
    assert.equal((await all.http.next("POST")).body, "1");
    await all.clock.advance(60_000);
    assert.equal(all.http.open.length, 0);
  });

  for (const status of [204, 400, 502]) {
    test(`that the server no longer knows (${status}) closes the session`, async () => {
      const all = await open();
      await all.stream.breakOff();
      await (await resume(all, 100)).answer("", status);
      assert.deepEqual(all.log, ["close transport close"]);
    });
  }

  test("is asked for again and again while the network is gone, for fifteen seconds", async () => {
    const all = await open();
    await all.stream.breakOff();
    let asked = 0;
    const begin = all.clock.time;
    while (!all.log.length) {
      await all.clock.advance(50);
      for (const request of all.http.open) {
        asked++;
        await request.breakOff();
      }
      assert.ok(all.clock.time - begin <= 15_000);
    }
    assert.deepEqual(all.log, ["close transport close"]);
    assert.ok(all.clock.time - begin > 12_000);
    // 100, 200, 400, 800, 1,600 and then 2,000 ms apart.
    assert.ok(asked >= 8 && asked <= 12, String(asked));
  });

  test("that breaks again and again without an event is asked for less and less often", async () => {
    const all = await open();
    await all.stream.breakOff();
    for (const wait of [100, 200, 400, 800]) {
      await all.clock.advance(wait - 1);
      assert.equal(all.http.open.length, 0);
      const again = await resume(all, 1);
      await again.startStream();
      await (await all.http.next("POST")).answer("ok");
      await again.endStream();
    }
    assert.deepEqual(all.log, []);
  });

  test("is not asked for again without an event id to go on from", async () => {
    const all = start();
    const stream = await all.http.next("GET");
    await stream.startStream();
    await stream.write(`data: ${openPacket()}\n\n`);
    await stream.endStream();
    assert.deepEqual(all.log, ["open", "close transport close"]);
  });
});

describe("a server without event streams", () => {
  test("is reached over the next transport", async () => {
    const { http, log, session } = start({ transports: ["sse", "polling"] });
    await (await http.next("GET", "sse")).answer('{"code":0,"message":"Transport unknown"}', 400);
    await (await http.next("GET", "polling")).answer(openPacket());
    assert.deepEqual(log, ["open"]);
    assert.equal(session.transport.name, "polling");
  });

  test("or with a proxy that holds them back, is reached over the next transport in time", async () => {
    const { http, log, session, clock } = start({ transports: ["sse", "polling"] });
    const stream = await http.next("GET", "sse");
    await stream.startStream();
    await clock.advance(8_000);
    await (await http.next("GET", "polling")).answer(openPacket());
    assert.deepEqual(log, ["open"]);
    assert.equal(session.transport.name, "polling");
    assert.ok(stream.aborted);
    assert.deepEqual(http.open.map((request) => request.method + request.query["transport"]), ["GETpolling"]);
  });

  test("is not reached when nothing else is allowed", async () => {
    const { http, log } = start();
    await (await http.next("GET")).answer("<html>", 200, { "Content-Type": "text/html" });
    assert.deepEqual(log, ["error sse: the answer is no event stream", "close transport error"]);
  });
});

describe("an event stream by EventSource", () => {
  class PlayedEventSource {
    static made: PlayedEventSource[] = [];
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: string; lastEventId: string }) => void) | null = null;
    onerror: (() => void) | null = null;
    readyState = 0;
    readonly url: URL;

    constructor(
      url: string,
      readonly init: { withCredentials: boolean },
    ) {
      this.url = new URL(url);
      PlayedEventSource.made.push(this);
    }

    close(): void {
      this.readyState = 2;
    }

    say(data: string, lastEventId = "SID.1"): void {
      this.onmessage?.({ data, lastEventId });
    }
  }

  async function openSource(t: TestContext) {
    PlayedEventSource.made = [];
    const http = new PlayedHttp();
    t.mock.method(globalThis, "fetch", http.fetch);
    const all = start({
      transportOptions: { sse: { EventSource: PlayedEventSource as unknown as EventSourceConstructor } },
    });
    await settle();
    const source = PlayedEventSource.made[0]!;
    source.readyState = 1;
    source.onopen?.();
    source.say(openPacket());
    assert.deepEqual(all.log.splice(0), ["open"]);
    return { ...all, http, source };
  }

  test("opens, and splits an event into its packets", async (t) => {
    const { source, log } = await openSource(t);
    assert.equal(source.url.searchParams.get("transport"), "sse");
    assert.deepEqual(source.init, { withCredentials: false });
    source.say("4a\n4b");
    assert.deepEqual(log, ["message a", "message b"]);
  });

  test("goes on when the runtime has connected again by itself", async (t) => {
    const { http, source, log, clock } = await openSource(t);
    source.readyState = 0;
    source.onerror?.();
    await clock.advance(14_000);
    source.readyState = 1;
    source.onopen?.();
    assert.equal((await http.next("POST")).body, "3");
    source.say("4a");
    await clock.advance(10_000);
    assert.deepEqual(log, ["message a"]);
  });

  test("gives up after fifteen seconds", async (t) => {
    const { source, log, clock } = await openSource(t);
    source.readyState = 0;
    source.onerror?.();
    await clock.advance(15_000);
    assert.deepEqual(log, ["close transport close"]);
    assert.equal(source.readyState, 2);
  });

  test("closes when the server refuses to go on", async (t) => {
    const { source, log } = await openSource(t);
    source.readyState = 2;
    source.onerror?.();
    assert.deepEqual(log, ["close transport close"]);
  });

  test("fails when a second session is opened in its place", async (t) => {
    const { source, log } = await openSource(t);
    source.say(openPacket({ sid: "OTHER" }));
    assert.deepEqual(log, ["error sse: the handshake was not understood", "close transport error"]);
  });
});
