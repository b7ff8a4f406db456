// The built package against a Sockeye server, which SOCKEYE_URL names: application C of spec/conformance.md.
//
//   SOCKEYE_URL=http://127.0.0.1:3000 npm run test:live

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { io, type Options, type Socket, type TransportName, type WebSocketConstructor } from "sockeye-client";

const uri = process.env["SOCKEYE_URL"] ?? "";
assert.match(uri, /^https?:\/\//, "SOCKEYE_URL must name a server with application C of spec/conformance.md");

interface Way {
  readonly options: Partial<Options>;
  /** The transport that it begins with, and the one that it ends on. */
  readonly from: TransportName;
  readonly to: TransportName;
}

const ways: Record<string, Way> = {
  "short polling": {
    options: { transports: ["polling"], poll: { wait: 0, min: 10, max: 100 } },
    from: "polling",
    to: "polling",
  },
  "long polling": { options: { transports: ["polling"] }, from: "polling", to: "polling" },
  SSE: { options: { transports: ["sse"] }, from: "sse", to: "sse" },
  WebSocket: { options: { transports: ["websocket"] }, from: "websocket", to: "websocket" },
  "polling, then WebSocket": {
    options: { transports: ["polling", "websocket"] },
    from: "polling",
    to: "websocket",
  },
  "short polling, then WebSocket": {
    options: { transports: ["polling", "websocket"], poll: { wait: 0, min: 10, max: 100 } },
    from: "polling",
    to: "websocket",
  },
  "polling, then SSE": { options: { transports: ["polling", "sse"] }, from: "polling", to: "sse" },
  "SSE, then WebSocket": { options: { transports: ["sse", "websocket"] }, from: "sse", to: "websocket" },
};

/** How long anything may take that is not about time itself, in milliseconds. */
const PATIENCE = 15_000;

/** The end of a test that hangs. */
const limit = { timeout: 4 * PATIENCE };

function event<Value>(socket: Socket, name: string): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} within ${PATIENCE} ms`)), PATIENCE);
    socket.once(name, (value: Value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

let rooms = 0;

for (const [name, { options, from, to }] of Object.entries(ways)) {
  describe(`over ${name}`, () => {
    function make(t: TestContext, extra: Partial<Options> = {}, namespace = "/"): Socket {
      const socket = io(uri + namespace, {
        ...options,
        forceNew: true,
        reconnection: false,
        ...extra,
        transportOptions: {
          websocket: { WebSocket: WebSocket as unknown as WebSocketConstructor },
          ...extra.transportOptions,
        },
      });
      t.after(() => socket.io.disconnect());
      return socket;
    }

    async function connect(t: TestContext, extra: Partial<Options> = {}): Promise<Socket> {
      const socket = make(t, extra);
      await event(socket, "connect");
      return socket;
    }

    /** Connected, and on the transport that the way ends on. */
    async function arrive(t: TestContext): Promise<Socket> {
      const socket = make(t);
      const upgraded = new Promise<void>((resolve) => {
        socket.io.on("open", () => {
          if (from === to) resolve();
          else socket.io.engine!.once("upgrade", () => resolve());
        });
      });
      await event(socket, "connect");
      await upgraded;
      assert.equal(socket.io.engine!.transport.name, to);
      return socket;
    }

    test("joins with its auth, on the transport that it was told", limit, async (t) => {
      const socket = make(t, { auth: { token: "é" } });
      const first = new Promise((resolve) => {
        socket.io.on("open", () => resolve(socket.io.engine!.transport.name));
      });
      assert.deepEqual(await event(socket, "auth"), { token: "é" });
      assert.equal(await first, from);
      assert.equal(socket.id?.length, 20);
      assert.notEqual(socket.id, socket.io.engine!.id);
    });

    test("hears why it was closed, when it was beyond a limit", limit, async (t) => {
      const socket = await arrive(t);
      const reason = event(socket, "disconnect");
      for (let sent = 0; sent < 120_000; sent++) socket.io.engine!.send('2["x"]');
      assert.equal(await reason, "rate limit");
    });

    test("arrives at the transport that it wanted", limit, async (t) => {
      await arrive(t);
    });

    test("joins a second namespace over the same connection, and is refused an unknown one", limit, async (t) => {
      const socket = await arrive(t);
      const custom = socket.io.socket("/custom");
      await event(custom, "connect");
      assert.equal(await custom.emitWithAck("echo", "custom"), "custom");
      const unknown = socket.io.socket("/unknown");
      assert.equal((await event<Error>(unknown, "connect_error")).message, "Invalid namespace");
      assert.equal(await socket.emitWithAck("echo", 1), 1);
    });

    test("echoes text and binary of any size", limit, async (t) => {
      const socket = await arrive(t);
      for (const value of [0, null, "é€😀\u2028\n", [1, [2]], { a: { b: "c" } }, "x".repeat(300_000)]) {
        assert.deepEqual(await socket.emitWithAck("echo", value), value);
      }
      for (const size of [0, 1, 1_000, 300_000]) {
        const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 7) & 0xff);
        const back = (await socket.emitWithAck("echo", { deep: [bytes] })) as { deep: ArrayBuffer[] };
        assert.deepEqual(new Uint8Array(back.deep[0]!), bytes);
      }
    });

    test("loses and doubles nothing, in order, from the tick of CONNECT on through the upgrade", limit, async (t) => {
      const room = `burst-${process.pid}-${rooms++}`;
      const other = await connect(t, { transports: ["websocket"] });
      await other.emitWithAck("join", room);
      const socket = make(t);
      const atOther: unknown[] = [];
      const atSelf: unknown[] = [];
      other.on("room", (value: unknown) => atOther.push(value));
      socket.on("room", (value: unknown) => atSelf.push(value));
      const count = 400;
      const answers: Promise<unknown>[] = [];
      await new Promise<void>((resolve) => {
        socket.on("connect", () => {
          socket.emit("join", room);
          for (let number = 0; number < count; number++) {
            socket.emit("room", room, number);
            answers.push(socket.timeout(PATIENCE).emitWithAck("echo", number));
          }
          resolve();
        });
      });
      const numbers = Array.from({ length: count }, (_, number) => number);
      assert.deepEqual(await Promise.all(answers), numbers);
      // Each of them asks behind what it has to hear.
      await Promise.all([socket.emitWithAck("echo", 0), other.emitWithAck("echo", 0)]);
      await until(() => atOther.length >= count && atSelf.length >= count);
      assert.deepEqual(atSelf, numbers);
      assert.deepEqual(atOther, numbers);
    });

    test("hears what others say while it moves", limit, async (t) => {
      const room = `moving-${process.pid}-${rooms++}`;
      const speaker = await connect(t, { transports: ["websocket"] });
      const socket = make(t);
      const heard: unknown[] = [];
      socket.on("room", (value: unknown) => heard.push(value));
      await event(socket, "connect");
      await socket.emitWithAck("join", room);
      const count = 300;
      for (let number = 0; number < count; number++) {
        speaker.emit("room", room, number);
        if (number % 10 === 9) await speaker.emitWithAck("echo", 0);
      }
      await until(() => heard.length >= count);
      await socket.emitWithAck("echo", 0);
      assert.deepEqual(heard, Array.from({ length: count }, (_, number) => number));
    });

    test("acknowledges what the server asks", limit, async (t) => {
      const socket = await arrive(t);
      socket.on("ask", (value: number, done: (value: unknown) => void) => done(value + 1));
      socket.emit("ask", 41);
      assert.equal(await event(socket, "answered"), 42);
    });

    test("is told to go", limit, async (t) => {
      const socket = await arrive(t);
      socket.emit("kick", false);
      assert.equal(await event(socket, "disconnect"), "io server disconnect");
    });

    test("goes in order, and the server knows why", limit, async (t) => {
      const socket = await arrive(t);
      const witness = await connect(t, { transports: ["websocket"] });
      const { id } = socket;
      socket.disconnect();
      let reason: unknown = null;
      await until(async () => (reason = await witness.emitWithAck("reason", id)) !== null);
      assert.equal(reason, "client namespace disconnect");
    });
  });
}

describe("an event stream that is cut", () => {
  test("goes on where it was cut: nothing is lost, nothing comes twice, nobody notices", limit, async (t) => {
    let cut = () => {};
    let streams = 0;
    const fragile: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
      streams++;
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const control = new AbortController();
      cut = () => control.abort();
      response.body!.pipeTo(writable, { signal: control.signal }).catch(() => {});
      return new Response(readable, { status: response.status, headers: response.headers });
    };
    const room = `cut-${process.pid}-${rooms++}`;
    const transportOptions = { websocket: { WebSocket: WebSocket as unknown as WebSocketConstructor } };
    const socket = io(uri, {
      transports: ["sse"],
      forceNew: true,
      reconnection: false,
      transportOptions: { sse: { fetch: fragile } },
    });
    const speaker = io(uri, { transports: ["websocket"], forceNew: true, transportOptions });
    t.after(() => socket.io.disconnect());
    t.after(() => speaker.io.disconnect());
    const heard: unknown[] = [];
    const gone: unknown[] = [];
    socket.on("room", (value: unknown) => heard.push(value));
    socket.on("disconnect", (reason) => gone.push(reason));
    await Promise.all([event(socket, "connect"), event(speaker, "connect")]);
    await socket.emitWithAck("join", room);
    const count = 200;
    for (let number = 0; number < count; number++) {
      speaker.emit("room", room, number);
      if (number % 20 === 19) {
        await speaker.emitWithAck("echo", 0);
        if (number % 40 !== 39) continue;
        const before = streams;
        cut();
        await until(() => streams > before);
      }
    }
    await until(() => heard.length >= count);
    assert.equal(await socket.timeout(PATIENCE).emitWithAck("echo", "still here"), "still here");
    assert.deepEqual(heard, Array.from({ length: count }, (_, number) => number));
    assert.deepEqual(gone, []);
    assert.equal(streams, 1 + count / 40);
  });
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await condition()) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
}
