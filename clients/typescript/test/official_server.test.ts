// The built package against the official server, unmodified, over the network of this machine.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test, type TestContext } from "node:test";
import { Server } from "socket.io";
import { WebSocket } from "ws";
import { io, type Options, type Socket, type WebSocketConstructor } from "sockeye-client";

const httpServer = createServer();
const server = new Server(httpServer, {
  pingInterval: 100,
  pingTimeout: 10_000,
  connectionStateRecovery: {},
});
let uri: string;

before(async () => {
  server.of("/").use((socket, next) => {
    if (socket.handshake.auth["refuse"]) next(Object.assign(new Error("refused"), { data: { code: 42 } }));
    else next();
  });
  for (const namespace of ["/", "/chat"]) {
    server.of(namespace).on("connection", (socket) => {
      socket.emit("welcome", socket.handshake.auth, socket.handshake.query["extra"]);
      socket.on("echo", (...args: unknown[]) => {
        const done = args.pop() as (...values: unknown[]) => void;
        done(...args);
      });
      socket.on("ask", async (value: unknown) => {
        socket.emit("answer", await socket.timeout(1_000).emitWithAck("question", value));
      });
      socket.on("burst", (count: number) => {
        for (let number = 0; number < count; number++) socket.emit("number", number, Buffer.from([number & 0xff]));
      });
      socket.on("kick", () => socket.disconnect());
      socket.on("cut", () => socket.conn.close());
    });
  }
  await new Promise<void>((resolve) => httpServer.listen(0, "127.0.0.1", resolve));
  uri = `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`;
});

after(() => server.close());

function event<Value>(socket: Socket, name: string): Promise<Value> {
  return new Promise((resolve) => {
    socket.once(name, (...args: unknown[]) => resolve((args.length > 1 ? args : args[0]) as Value));
  });
}

const techniques: Record<string, Partial<Options>> = {
  "long polling": { transports: ["polling"] },
  "short polling": { transports: ["polling"], poll: { wait: 0, min: 5, max: 20 } },
  WebSocket: { transports: ["websocket"] },
  "polling, then WebSocket": {},
};

for (const [name, technique] of Object.entries(techniques)) {
  describe(`the official server over ${name}`, () => {
    const upgrades = name.includes("then");

    async function connect(t: TestContext, options: Partial<Options> = {}): Promise<Socket> {
      const socket = io(uri, {
        ...technique,
        forceNew: true,
        reconnectionDelay: 10,
        transportOptions: { websocket: { WebSocket: WebSocket as unknown as WebSocketConstructor } },
        ...options,
      });
      t.after(() => socket.io.disconnect());
      await event(socket, "connect");
      return socket;
    }

    test("joins with auth and query", async (t) => {
      const socket = io(`${uri}/chat`, {
        ...technique,
        forceNew: true,
        auth: { token: "é" },
        query: { extra: "a&b" },
        transportOptions: { websocket: { WebSocket: WebSocket as unknown as WebSocketConstructor } },
      });
      t.after(() => socket.io.disconnect());
      assert.deepEqual((await event<unknown[]>(socket, "welcome")).slice(0, 2), [{ token: "é" }, "a&b"]);
      assert.equal(socket.id?.length, 20);
      assert.notEqual(socket.id, socket.io.engine!.id);
    });

    test("is refused with message and data", async (t) => {
      const socket = io(uri, {
        ...technique,
        forceNew: true,
        auth: { refuse: true },
        transportOptions: { websocket: { WebSocket: WebSocket as unknown as WebSocketConstructor } },
      });
      t.after(() => socket.io.disconnect());
      const error = await event<Error & { data: unknown }>(socket, "connect_error");
      assert.deepEqual([error.message, error.data], ["refused", { code: 42 }]);
    });

    test("echoes every kind of value, binary at any depth", async (t) => {
      const socket = await connect(t);
      for (const value of [0, "é€😀\u2028", null, true, [1, [2]], { a: { b: "c" } }, "x".repeat(100_000)]) {
        assert.deepEqual(await socket.emitWithAck("echo", value), value);
      }
      const bytes = Uint8Array.from({ length: 5_000 }, (_, index) => index & 0xff);
      const { deep } = (await socket.emitWithAck("echo", { deep: [bytes, bytes.subarray(1, 3)] })) as {
        deep: ArrayBuffer[];
      };
      assert.deepEqual(deep.map((item) => new Uint8Array(item)), [bytes, bytes.slice(1, 3)]);
    });

    test("acknowledges what the server asks", async (t) => {
      const socket = await connect(t);
      socket.on("question", (value: unknown, done: (value: unknown) => void) => done([value]));
      socket.emit("ask", 7);
      assert.deepEqual((await event<unknown[]>(socket, "answer"))[0], [7]);
    });

    test("brings bursts in order both ways, while it may be moving", async (t) => {
      const socket = await connect(t);
      const answers = Array.from({ length: 500 }, (_, number) => socket.emitWithAck("echo", number));
      const heard: number[] = [];
      const done = new Promise<void>((resolve) => {
        socket.on("number", (number: number, bytes: ArrayBuffer) => {
          assert.equal(new Uint8Array(bytes)[0], number & 0xff);
          if (heard.push(number) === 500) resolve();
        });
      });
      socket.emit("burst", 500);
      assert.deepEqual(await Promise.all(answers), Array.from({ length: 500 }, (_, number) => number));
      await done;
      assert.deepEqual(heard, Array.from({ length: 500 }, (_, number) => number));
    });

    test("lives through heartbeats", async (t) => {
      const socket = await connect(t);
      let pings = 0;
      const reasons: unknown[] = [];
      socket.on("disconnect", (reason) => reasons.push(reason));
      await new Promise<void>((resolve) => {
        socket.io.on("ping", () => ++pings === 6 && resolve());
      });
      assert.deepEqual(reasons, []);
      assert.equal(await socket.emitWithAck("echo", 1), 1);
      if (upgrades) assert.equal(socket.io.engine!.transport.name, "websocket");
    });

    test("is told to go, and does not come back", async (t) => {
      const socket = await connect(t);
      socket.emit("kick");
      assert.equal((await event<unknown[]>(socket, "disconnect"))[0], "io server disconnect");
      assert.equal(socket.active, false);
    });

    test("comes back after a cut, and is recovered with what it missed", async (t) => {
      const socket = await connect(t);
      const { id } = socket;
      await socket.emitWithAck("echo", 1);
      const gone = event<unknown[]>(socket, "disconnect");
      const back = event(socket, "connect");
      const missed = event<unknown[]>(socket, "missed");
      socket.emit("cut");
      assert.equal((await gone)[0], "transport close");
      server.of("/").to(id!).emit("missed", 1);
      await back;
      assert.equal((await missed)[0], 1);
      assert.deepEqual([socket.recovered, socket.id], [true, id]);
    });

    test("goes in order, and the server hears why", async (t) => {
      const socket = await connect(t);
      const there = server.of("/").sockets.get(socket.id!)!;
      const reason = new Promise((resolve) => there.once("disconnect", resolve));
      const closed = new Promise((resolve) => there.conn.once("close", resolve));
      socket.disconnect();
      assert.equal(await reason, "client namespace disconnect");
      assert.equal(await closed, "transport close");
    });
  });
}
