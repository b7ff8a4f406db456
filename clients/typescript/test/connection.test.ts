import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Connection, io, Manager, type Options } from "../src/index.js";
import { MovedClock, openPacket, playedWebSockets, settle } from "./support.js";

function network(extra: Partial<Options> = {}) {
  const clock = new MovedClock();
  const { made, WebSocket } = playedWebSockets();
  const options: Partial<Options> = {
    transports: ["websocket"],
    clock,
    transportOptions: { websocket: { WebSocket } },
    ...extra,
  };
  const open = async () => {
    await settle();
    await made.at(-1)!.open();
    await made.at(-1)!.say(openPacket());
  };
  return { clock, made, options, open };
}

function record(connection: Connection): string[] {
  const log: string[] = [];
  connection.on("open", () => log.push("open"));
  connection.on("error", (error) => log.push(`error ${error.message}`));
  connection.on("close", (reason) => log.push(`close ${reason}`));
  connection.on("reconnect_attempt", (attempt) => log.push(`reconnect_attempt ${attempt}`));
  connection.on("reconnect", (attempt) => log.push(`reconnect ${attempt}`));
  connection.on("reconnect_error", (error) => log.push(`reconnect_error ${error.message}`));
  connection.on("reconnect_failed", () => log.push("reconnect_failed"));
  return log;
}

const FAILED = "websocket: the connection failed";

describe("namespaces", () => {
  test("of one server share a connection, in whatever order they are joined", async () => {
    const { made, options, open } = network();
    const root = io("http://share.example", options);
    const chat = io("http://share.example/chat", options);
    assert.equal(root.io, chat.io);
    await open();
    const [wire] = made;
    assert.deepEqual(wire!.take(), ["40", "40/chat,"]);
    const log: string[] = [];
    root.on("a", () => log.push("root"));
    chat.on("a", () => log.push("chat"));
    await wire!.say('40/chat,{"sid":"C"}', '40{"sid":"R"}', '42/chat,["a"]', '42["a"]', '42/none,["a"]');
    assert.deepEqual(log, ["chat", "root"]);
    chat.disconnect();
    await settle();
    assert.deepEqual(wire!.take(), ["41/chat,"]);
    assert.ok(!wire!.closed);
    root.disconnect();
    await settle();
    assert.ok(wire!.closed);
    assert.equal(made.length, 1);
  });

  test("do not share when told not to, for another path, or when asked for twice", () => {
    const { options } = network({ autoConnect: false });
    const uri = "http://twice.example";
    const first = io(uri, options);
    assert.equal(io(`${uri}/b`, options).io, first.io);
    assert.notEqual(io(uri, options).io, first.io);
    assert.notEqual(io(`${uri}/c`, { ...options, forceNew: true }).io, first.io);
    assert.notEqual(io(`${uri}/c`, { ...options, multiplex: false }).io, first.io);
    assert.notEqual(io(`${uri}/c`, { ...options, path: "/other" }).io, first.io);
    assert.equal(io(`${uri}:80/d`, options).io, first.io);
  });

  test("of a connection are made once each", () => {
    const { options } = network({ autoConnect: false });
    const connection = new Manager("http://example.org", options);
    const socket = connection.socket("/a", { auth: { a: 1 } });
    assert.equal(connection.socket("/a"), socket);
    assert.deepEqual(socket.auth, { a: 1 });
    assert.equal(socket.nsp, "/a");
  });

  test("with autoConnect off nothing happens before connect()", async () => {
    const { made, options, open } = network({ autoConnect: false, forceNew: true });
    const socket = io("http://example.org", options);
    await settle();
    assert.deepEqual([made.length, socket.active], [0, false]);
    socket.connect();
    await open();
    assert.deepEqual(made[0]!.take(), ["40"]);
  });

  test("take the query from the address, unless the options have one", async () => {
    const { made, options } = network({ forceNew: true });
    io("http://example.org/?a=1", options);
    io("http://example.org/?a=1", { ...options, query: { b: "2" } });
    await settle();
    assert.deepEqual(made.map(({ url }) => [url.searchParams.get("a"), url.searchParams.get("b")]), [
      ["1", null],
      [null, "2"],
    ]);
  });
});

describe("reconnection", () => {
  test("waits longer each time, and begins anew after a success", async () => {
    const { clock, made, options, open } = network();
    const connection = new Connection("http://example.org", options);
    const log = record(connection);
    await open();
    await made.at(-1)!.drop();
    for (const [attempt, wait] of [1_000, 2_000, 4_000, 5_000, 5_000].entries()) {
      await clock.advance(wait - 1);
      assert.equal(made.length, attempt + 1);
      await clock.advance(1);
      assert.equal(made.length, attempt + 2);
      if (attempt < 4) {
        made.at(-1)!.onerror?.({});
        await settle();
      }
    }
    await open();
    assert.deepEqual(log, [
      "open",
      "close transport close",
      ...[1, 2, 3, 4].flatMap((attempt) => [
        `reconnect_attempt ${attempt}`,
        `error ${FAILED}`,
        `reconnect_error ${FAILED}`,
      ]),
      "reconnect_attempt 5",
      "open",
      "reconnect 5",
    ]);
    await made.at(-1)!.drop();
    await clock.advance(1_000);
    assert.equal(made.length, 7);
  });

  test("also follows a first attempt that fails, and ends after reconnectionAttempts", async () => {
    const { clock, made, options } = network({ reconnectionAttempts: 2 });
    const connection = new Connection("http://example.org", options);
    const log = record(connection);
    for (const wait of [0, 1_000, 2_000]) {
      await clock.advance(wait);
      made.at(-1)!.onerror?.({});
      await settle();
    }
    assert.deepEqual(log.slice(-3), [`error ${FAILED}`, "reconnect_failed", `reconnect_error ${FAILED}`]);
    await clock.advance(60_000);
    assert.equal(made.length, 3);
  });

  test("tells each socket that cannot connect, and joins again what had been joined", async () => {
    const { clock, made, options, open } = network({ forceNew: true });
    const socket = io("http://example.org/a", options);
    const log: string[] = [];
    socket.on("connect", () => log.push(`connect ${socket.id}`));
    socket.on("disconnect", (reason) => log.push(`disconnect ${reason}`));
    socket.on("connect_error", (error) => log.push(`connect_error ${error.message}`));
    await open();
    await made[0]!.say('40/a,{"sid":"A"}');
    await made[0]!.drop();
    await clock.advance(1_000);
    made[1]!.onerror?.({});
    await clock.advance(2_000);
    await open();
    assert.deepEqual(made[2]!.take(), ["40/a,"]);
    await made[2]!.say('40/a,{"sid":"B"}');
    assert.deepEqual(log, [
      "connect A",
      "disconnect transport close",
      `connect_error ${FAILED}`,
      "connect B",
    ]);
  });

  test("does not happen when it is off", async () => {
    const { clock, made, options, open } = network({ reconnection: false });
    new Connection("http://example.org", options);
    await open();
    await made[0]!.drop();
    await clock.advance(60_000);
    assert.equal(made.length, 1);
  });

  test("can be switched off, and the times changed, while it waits", async () => {
    const { clock, made, options, open } = network();
    const connection = new Connection("http://example.org", options);
    connection.reconnectionDelay(10).reconnectionDelayMax(20).randomizationFactor(0).reconnectionAttempts(5).timeout(7);
    assert.deepEqual(
      [
        connection.reconnection(),
        connection.reconnectionDelay(),
        connection.reconnectionDelayMax(),
        connection.randomizationFactor(),
        connection.reconnectionAttempts(),
        connection.timeout(),
      ],
      [true, 10, 20, 0, 5, 7],
    );
    await open();
    await made[0]!.drop();
    assert.deepEqual(clock.waits, [10]);
    connection.reconnection(false);
    await clock.advance(60_000);
    assert.equal(made.length, 1);
  });

  test("ends with disconnect(), also from a listener to its attempt", async () => {
    const { clock, made, options, open } = network();
    const connection = new Connection("http://example.org", options);
    await open();
    await made[0]!.drop();
    connection.once("reconnect_attempt", () => connection.disconnect());
    await clock.advance(60_000);
    assert.equal(made.length, 1);
    connection.connect();
    await open();
    assert.equal(connection.isOpen, true);
  });

  test("begins anew when it was given up in the middle", async () => {
    const { clock, made, options, open } = network();
    const connection = new Connection("http://example.org", options);
    await open();
    await made.at(-1)!.drop();
    for (const wait of [1_000, 2_000]) {
      await clock.advance(wait);
      made.at(-1)!.onerror?.({});
      await settle();
    }
    connection.disconnect();
    await clock.advance(60_000);
    assert.equal(made.length, 3);
    connection.connect();
    await settle();
    made.at(-1)!.onerror?.({});
    await settle();
    await clock.advance(999);
    assert.equal(made.length, 4);
    await clock.advance(1);
    assert.equal(made.length, 5);
  });

  test("is neither hurried nor stopped by connect()", async () => {
    const { clock, made, options, open } = network({ forceNew: true });
    const socket = io("http://example.org", options);
    await open();
    await made[0]!.drop();
    socket.connect();
    socket.io.open(() => assert.fail("no attempt began"));
    await clock.advance(999);
    assert.equal(made.length, 1);
    await clock.advance(1);
    assert.equal(made.length, 2);
  });
});

describe("a connection attempt", () => {
  test("fails after its time-out, and what it had begun is closed", async () => {
    const { clock, made, options } = network({ timeout: 3_000, reconnection: false });
    const connection = new Connection("http://example.org", options);
    const log = record(connection);
    await clock.advance(2_999);
    assert.deepEqual(log, []);
    await clock.advance(1);
    assert.deepEqual(log, ["error timeout"]);
    assert.ok(made[0]!.closed);
  });

  test("tells the one who asked for it", async () => {
    const { made, options, open } = network({ autoConnect: false, reconnection: false });
    const connection = new Connection("http://example.org", options);
    const log: unknown[] = [];
    connection.open((error) => log.push(error?.message));
    await settle();
    made[0]!.onerror?.({});
    connection.open((error) => log.push(error));
    await open();
    assert.deepEqual(log, [FAILED, undefined]);
  });

  test("can be given up, and its late answer is not heard", async () => {
    const { made, options } = network({ forceNew: true });
    const socket = io("http://example.org", options);
    const log = record(socket.io);
    await settle();
    const listener = made[0]!.onmessage;
    socket.disconnect();
    listener?.({ data: openPacket() });
    await settle();
    assert.deepEqual(log, ["close forced close"]);
    assert.ok(made[0]!.closed);
  });
});

describe("the page's network", () => {
  test("lost, it closes at once; back, it ends the wait for the next attempt", async (t) => {
    const page = new EventTarget();
    Object.assign(globalThis, {
      addEventListener: page.addEventListener.bind(page),
      removeEventListener: page.removeEventListener.bind(page),
    });
    t.after(() => {
      Reflect.deleteProperty(globalThis, "addEventListener");
      Reflect.deleteProperty(globalThis, "removeEventListener");
    });
    const { made, options, open } = network();
    const connection = new Connection("http://example.org", options);
    const log = record(connection);
    await open();
    page.dispatchEvent(new Event("offline"));
    assert.deepEqual(log.splice(0), ["open", "close transport close"]);
    page.dispatchEvent(new Event("online"));
    await settle();
    assert.deepEqual(log.splice(0), ["reconnect_attempt 1"]);
    await open();
    page.dispatchEvent(new Event("online"));
    await settle();
    assert.equal(made.length, 2);

    const local = network();
    const near = record(new Connection("http://localhost:3000", local.options));
    await local.open();
    page.dispatchEvent(new Event("offline"));
    assert.deepEqual(near, ["open"]);
  });
});
