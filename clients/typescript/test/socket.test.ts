import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Connection, io, type Auth, type Options } from "../src/index.js";
import { catchReported, MovedClock, openPacket, playedWebSockets, settle, type PlayedWebSocket } from "./support.js";

function network() {
  const clock = new MovedClock();
  const { made, WebSocket } = playedWebSockets();
  const options: Partial<Options> = {
    transports: ["websocket"],
    forceNew: true,
    clock,
    transportOptions: { websocket: { WebSocket } },
  };
  return {
    clock,
    made,
    options,
    /** The WebSocket made last. */
    get wire(): PlayedWebSocket {
      return made.at(-1)!;
    },
    /** Lets the engine of the last WebSocket open. */
    async open(): Promise<void> {
      await settle();
      await made.at(-1)!.open();
      await made.at(-1)!.say(openPacket());
    },
  };
}

async function connect(options: Partial<Options> = {}, path = "") {
  const net = network();
  const socket = io(`http://example.org${path}`, { ...net.options, ...options });
  const log: unknown[][] = [];
  for (const event of ["connect", "disconnect", "connect_error"] as const) {
    socket.on(event, (...args: unknown[]) => {
      log.push([event, ...args.map((arg) => (arg instanceof Error ? arg.message : arg))]);
    });
  }
  await net.open();
  assert.deepEqual(net.wire.take(), [path ? `40${path},` : "40"]);
  await net.wire.say(path ? `40${path},{"sid":"ID"}` : '40{"sid":"ID"}');
  assert.deepEqual(log.splice(0), [["connect"]]);
  return { net, socket, log, clock: net.clock };
}

/** Loses the connection and makes it again. */
async function reconnect(net: ReturnType<typeof network>, reply = '40{"sid":"ID2"}'): Promise<void> {
  const before = net.made.length;
  await net.wire.drop();
  await net.clock.advance(1_000);
  assert.equal(net.made.length, before + 1);
  await net.open();
  assert.equal(net.wire.take().length, 1);
  await net.wire.say(reply);
}

describe("a socket", () => {
  test("has an id, and is connected, between CONNECT and its end", async () => {
    const net = network();
    const socket = io("http://example.org", net.options);
    assert.deepEqual([socket.id, socket.connected, socket.disconnected, socket.active], [undefined, false, true, true]);
    await net.open();
    await net.wire.say('40{"sid":"ID"}');
    assert.deepEqual([socket.id, socket.connected, socket.disconnected, socket.active], ["ID", true, false, true]);
    socket.disconnect();
    const state = [socket.id, socket.connected, socket.disconnected, socket.active];
    assert.deepEqual(state, [undefined, false, true, false]);
  });

  test("sends auth with CONNECT, from an object or a function that is asked each time", async () => {
    const net = network();
    io("http://example.org/a", { ...net.options, auth: { token: "t" } });
    await net.open();
    assert.deepEqual(net.wire.take(), ['40/a,{"token":"t"}']);

    const other = network();
    let asked = 0;
    const auth: Auth = (send) => send({ asked: ++asked });
    const socket = io("http://example.org", { ...other.options, auth });
    await other.open();
    assert.deepEqual(other.wire.take(), ['40{"asked":1}']);
    await other.wire.say('40{"sid":"ID"}');
    await other.wire.drop();
    await other.clock.advance(1_000);
    await other.open();
    assert.deepEqual(other.wire.take(), ['40{"asked":2}']);
    assert.equal(socket.connected, false);
  });

  test("ignores auth that comes when its connection is gone", async () => {
    const net = network();
    const answers: (() => void)[] = [];
    const auth: Auth = (send) => answers.push(() => send({ number: answers.length }));
    io("http://example.org", { ...net.options, auth });
    await net.open();
    await net.wire.drop();
    await net.clock.advance(1_000);
    await net.open();
    assert.equal(answers.length, 2);
    answers[0]!();
    assert.deepEqual(net.wire.take(), []);
    answers[1]!();
    await settle();
    assert.deepEqual(net.wire.take(), ['40{"number":2}']);
  });

  test("emits events with arguments and binary", async () => {
    const { net, socket } = await connect({}, "/chat");
    const bytes = new Uint8Array([1]);
    socket.emit("a", 1, { b: [null] });
    socket.emit("bin", bytes);
    socket.send("x");
    await settle();
    assert.deepEqual(net.wire.take(), [
      '42/chat,["a",1,{"b":[null]}]',
      '451-/chat,["bin",{"_placeholder":true,"num":0}]',
      bytes,
      '42/chat,["message","x"]',
    ]);
  });

  test("hears events, binary put back in its place", async () => {
    const { net, socket } = await connect();
    const log: unknown[] = [];
    socket.on("a", (...args) => log.push(args));
    socket.onAny((...args) => log.push(["any", args.length]));
    const [first, second] = [new Uint8Array([1]).buffer, new Uint8Array([2]).buffer];
    await net.wire.say('42["a",1,{"x":"y"}]');
    await net.wire.say('452-["a",{"b":{"_placeholder":true,"num":1}},{"_placeholder":true,"num":0}]', first, second);
    assert.deepEqual(log, [
      ["any", 3],
      [1, { x: "y" }],
      ["any", 3],
      [{ b: second }, first],
    ]);
  });

  test("refuses reserved names", async () => {
    const { socket } = await connect();
    for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) {
      assert.throws(() => socket.emit(name), /is a reserved event name/);
    }
  });

  test("keeps what is emitted early and sends it after CONNECT, before the connect listeners run", async () => {
    const net = network();
    const socket = io("http://example.org", net.options);
    const log: string[] = [];
    socket.onAnyOutgoing((event) => log.push(`out ${event}`));
    socket.on("connect", () => {
      log.push("connect");
      socket.emit("third");
    });
    socket.on("early", () => {
      log.push("early");
    });
    socket.emit("first");
    socket.emit("second", 2);
    await net.open();
    await net.wire.say('42["early"]');
    assert.deepEqual(log, []);
    await net.wire.say('40{"sid":"ID"}');
    assert.deepEqual(log, ["early", "out first", "out second", "connect", "out third"]);
    assert.deepEqual(net.wire.take(), ["40", '42["first"]', '42["second",2]', '42["third"]']);
  });

  test("an event that has no JSON form throws from emit, and when it waited harms no other", async () => {
    const { net, socket } = await connect();
    const circle: Record<string, unknown> = {};
    circle["self"] = circle;
    assert.throws(() => socket.emit("a", circle), TypeError);
    await net.wire.drop();
    socket.emit("b", circle);
    socket.emit("c");
    const reported = catchReported();
    await net.clock.advance(1_000);
    await net.open();
    await net.wire.say('40{"sid":"ID"}');
    assert.equal(reported().length, 1);
    assert.deepEqual(net.wire.take(), ["40", '42["c"]']);
  });

  test("a volatile event is dropped where nothing can be written", async () => {
    const net = network();
    const socket = io("http://example.org", net.options);
    socket.volatile.emit("lost");
    await net.open();
    socket.volatile.emit("lost before CONNECT");
    await net.wire.say('40{"sid":"ID"}');
    assert.deepEqual(net.wire.take(), ["40"]);
    socket.volatile.emit("a");
    socket.volatile.emit("dropped");
    socket.emit("b");
    await settle();
    socket.volatile.emit("c");
    assert.deepEqual(net.wire.take(), ['42["a"]', '42["b"]', '42["c"]']);
  });

  test("disconnect() leaves its namespace and closes the connection behind it", async () => {
    const { net, socket, log, clock } = await connect();
    socket.emit("last");
    socket.disconnect();
    assert.deepEqual(log, [["disconnect", "io client disconnect", undefined]]);
    await settle();
    assert.deepEqual(net.wire.take(), ['42["last"]', "41"]);
    assert.ok(net.wire.closed);
    await clock.advance(60_000);
    assert.equal(net.made.length, 1);
    socket.connect();
    await net.open();
    assert.equal(net.made.length, 2);
    assert.deepEqual(net.wire.take(), ["40"]);
  });

  test("a disconnect by the server is final", async () => {
    const { net, log, clock, socket } = await connect();
    await net.wire.say("41");
    assert.deepEqual(log, [["disconnect", "io server disconnect", undefined]]);
    assert.equal(socket.active, false);
    await clock.advance(60_000);
    assert.equal(net.made.length, 1);
  });

  test("a refusal is a connect_error with its data, and final", async () => {
    const net = network();
    const socket = io("http://example.org/secret", net.options);
    const errors: unknown[] = [];
    socket.on("connect_error", (error) => errors.push([error.message, error.data]));
    await net.open();
    await net.wire.say('44/secret,{"message":"not authorized","data":{"code":42}}');
    assert.deepEqual(errors, [["not authorized", { code: 42 }]]);
    assert.equal(socket.active, false);
    await net.clock.advance(60_000);
    assert.equal(net.made.length, 1);
  });

  test("a CONNECT without an id is a connect_error", async () => {
    const net = network();
    const errors: string[] = [];
    io("http://example.org", net.options).on("connect_error", (error) => errors.push(error.message));
    await net.open();
    await net.wire.say("40");
    assert.match(errors[0]!, /older protocol/);
  });

  test("what cannot be decoded closes with parse error, and the connection is made again", async () => {
    for (const message of ["4nonsense", "4", '42["connect"]', '451-["x"]'] as const) {
      const { net, log, clock } = await connect();
      await net.wire.say(message);
      if (message.startsWith("45")) await net.wire.say('42["y"]');
      assert.equal(log[0]?.[1], "parse error", message);
      await clock.advance(1_000);
      assert.equal(net.made.length, 2);
    }
  });

  test("left before its CONNECT was answered, it tells the server when the answer comes", async () => {
    const net = network();
    const connection = new Connection("http://example.org", net.options);
    const stays = connection.socket("/stays");
    const leaves = connection.socket("/leaves");
    await net.open();
    leaves.disconnect();
    assert.deepEqual(net.wire.take(), ["40/stays,", "40/leaves,"]);
    await net.wire.say('40/leaves,{"sid":"A"}', '40/stays,{"sid":"B"}');
    assert.deepEqual(net.wire.take(), ["41/leaves,"]);
    assert.deepEqual([leaves.connected, stays.connected], [false, true]);
  });

  test("left on a connection that others use, it hears nothing more", async () => {
    const net = network();
    const connection = new Connection("http://example.org", net.options);
    connection.socket("/stays");
    const socket = connection.socket("/leaves");
    await net.open();
    await net.wire.say('40/leaves,{"sid":"A"}');
    const log: unknown[] = [];
    socket.on("disconnect", (reason) => log.push(reason));
    socket.on("late", () => log.push("late"));
    socket.emit("ask", () => log.push("answered"));
    socket.disconnect();
    await net.wire.say('42/leaves,["late"]', "43/leaves,0[]", "41/leaves,", '44/leaves,{"message":"no"}');
    assert.deepEqual(log, ["io client disconnect"]);
    socket.connect();
    await settle();
    assert.equal(net.wire.take().at(-1), "40/leaves,");
  });

  test("whose auth throws does not keep others from joining", async () => {
    const net = network();
    const connection = new Connection("http://example.org", net.options);
    const auth: Auth = () => {
      throw new Error("auth");
    };
    connection.socket("/broken", { auth });
    connection.socket("/fine");
    const reported = catchReported();
    await net.open();
    assert.deepEqual(reported().map(String), ["Error: auth"]);
    assert.deepEqual(net.wire.take(), ["40/fine,"]);
  });

  test("waiting for its CONNECT, it is told when the transport fails", async () => {
    const net = network();
    const socket = io("http://example.org", net.options);
    const log: unknown[] = [];
    socket.on("connect_error", (error) => log.push(error.message));
    socket.on("disconnect", (reason) => log.push(reason));
    await net.open();
    net.wire.onerror?.({});
    assert.deepEqual(log, ["websocket: the connection failed", "transport error"]);
  });

  test("never has two CONNECTs under way, however often connect() is called", async () => {
    const net = network();
    const connection = new Connection("http://example.org", net.options);
    connection.socket("/other");
    const socket = connection.socket("/a");
    await net.open();
    socket.connect();
    socket.disconnect();
    socket.connect();
    await settle();
    assert.deepEqual(net.wire.take(), ["40/other,", "40/a,"]);
    await net.wire.say('40/a,{"sid":"A"}');
    assert.equal(socket.connected, true);
  });
});

describe("listeners", () => {
  test("subscribe returns its undo, for each subscription its own", async () => {
    const { net, socket } = await connect();
    const log: unknown[] = [];
    const listener = (value: unknown) => log.push(value);
    const first = socket.subscribe("a", listener);
    const second = socket.subscribe("a", listener);
    await net.wire.say('42["a",1]');
    first();
    first();
    await net.wire.say('42["a",2]');
    second();
    await net.wire.say('42["a",3]');
    assert.deepEqual(log, [1, 1, 2]);
  });

  test("subscribe ends with its signal", async () => {
    const { net, socket } = await connect();
    const log: unknown[] = [];
    const control = new AbortController();
    socket.subscribe("a", (value) => log.push(value), { signal: control.signal });
    await net.wire.say('42["a",1]');
    control.abort();
    await net.wire.say('42["a",2]');
    socket.subscribe("a", (value) => log.push(value), { signal: control.signal });
    await net.wire.say('42["a",3]');
    assert.deepEqual(log, [1]);
    assert.equal(socket.hasListeners("a"), false);
  });

  test("onAny and onAnyOutgoing keep their order and can be taken away", async () => {
    const { net, socket } = await connect();
    const log: string[] = [];
    const last = () => log.push("last");
    const out = () => log.push("out");
    socket.onAny(last).prependAny((event) => log.push(`first ${event}`));
    socket.onAnyOutgoing(out).prependAnyOutgoing((event, value) => log.push(`before ${event} ${String(value)}`));
    await net.wire.say('42["a"]');
    socket.emit("b", 1);
    assert.deepEqual(log.splice(0), ["first a", "last", "before b 1", "out"]);
    assert.deepEqual([socket.listenersAny().length, socket.listenersAnyOutgoing().length], [2, 2]);
    socket.offAny(last).offAnyOutgoing(out);
    await net.wire.say('42["a"]');
    socket.emit("b", 2);
    assert.deepEqual(log.splice(0), ["first a", "before b 2"]);
    socket.offAny().offAnyOutgoing();
    await net.wire.say('42["a"]');
    socket.emit("b", 3);
    assert.deepEqual(log, []);
  });

  test("an event without a name reaches onAny only", async () => {
    const { net, socket } = await connect();
    const log: unknown[] = [];
    socket.onAny((...args) => log.push(args));
    await net.wire.say("42");
    assert.deepEqual(log, [[]]);
  });
});

describe("acknowledgements", () => {
  test("bring what the server answers, whatever the order", async () => {
    const { net, socket } = await connect();
    const log: unknown[] = [];
    socket.emit("a", 1, (...args: unknown[]) => log.push(["a", ...args]));
    socket.emit("b", (...args: unknown[]) => log.push(["b", ...args]));
    await settle();
    assert.deepEqual(net.wire.take(), ['420["a",1]', '421["b"]']);
    await net.wire.say('431["x",2]', "430[]", '430["again"]', '439["unknown"]');
    assert.deepEqual(log, [["b", "x", 2], ["a"]]);
  });

  test("are given by a function behind the arguments, once", async () => {
    const { net, socket } = await connect({}, "/n");
    socket.on("ask", (value: number, done: (...args: unknown[]) => void) => {
      done(value + 1, new Uint8Array([7]));
      done("again");
    });
    await net.wire.say('42/n,12["ask",1]');
    assert.deepEqual(net.wire.take(), ['461-/n,12[2,{"_placeholder":true,"num":0}]', new Uint8Array([7])]);
  });

  test("are not sent on a connection that is not the one that asked", async () => {
    const { net, socket } = await connect();
    let answer = () => {};
    socket.on("ask", (done: () => void) => {
      answer = done;
    });
    await net.wire.say('425["ask"]');
    await reconnect(net);
    answer();
    await settle();
    assert.deepEqual(net.wire.take(), []);
  });

  test("fail after timeout(), and a late one is not heard", async () => {
    const { net, socket, clock } = await connect();
    const log: unknown[] = [];
    socket.timeout(500).emit("a", (error: Error | null, value: unknown) => log.push([error?.message, value]));
    socket.timeout(500).emit("b", (error: Error | null, value: unknown) => log.push([error, value]));
    await net.wire.say('431["in time"]');
    await clock.advance(500);
    await net.wire.say('430["late"]');
    assert.deepEqual(log, [
      [null, "in time"],
      ["operation has timed out", undefined],
    ]);
  });

  test("timeout() counts for one event, ackTimeout for all", async () => {
    const { socket, clock } = await connect({ ackTimeout: 100 });
    const log: unknown[] = [];
    socket.timeout(300).emit("a", (error: Error | null) => log.push(["a", error?.message]));
    socket.emit("b", (error: Error | null) => log.push(["b", error?.message]));
    await clock.advance(100);
    assert.deepEqual(log, [["b", "operation has timed out"]]);
    await clock.advance(200);
    assert.equal(log.length, 2);
  });

  test("an event that timed out before it was sent is not sent", async () => {
    const net = network();
    const socket = io("http://example.org", net.options);
    const log: unknown[] = [];
    socket.timeout(500).emit("a", (error: Error | null) => log.push(error?.message));
    socket.emit("b");
    await net.clock.advance(500);
    await net.open();
    await net.wire.say('40{"sid":"ID"}');
    assert.deepEqual(log, ["operation has timed out"]);
    assert.deepEqual(net.wire.take(), ["40", '42["b"]']);
  });

  test("emitWithAck promises the first value, and fails on time-out and disconnect", async () => {
    const { net, socket, clock } = await connect();
    const answered = socket.emitWithAck("a", 1);
    await net.wire.say('430["yes","more"]');
    assert.equal(await answered, "yes");
    const timed = assert.rejects(socket.timeout(100).emitWithAck("b"), /operation has timed out/);
    await clock.advance(100);
    await timed;
    const cut = assert.rejects(socket.emitWithAck("c"), /socket has been disconnected/);
    await net.wire.drop();
    await cut;
  });

  test("pending ones fail at a disconnect where they can; those not yet sent go on waiting", async () => {
    const { net, socket } = await connect();
    const log: unknown[] = [];
    socket.emit("plain", () => log.push("plain"));
    socket.timeout(60_000).emit("timed", (error: Error | null) => log.push(["timed", error?.message]));
    await settle();
    net.wire.take();
    await net.wire.drop();
    assert.deepEqual(log.splice(0), [["timed", "socket has been disconnected"]]);
    const buffered = socket.emitWithAck("buffered");
    await net.clock.advance(1_000);
    await net.open();
    await net.wire.drop();
    await net.clock.advance(1_000);
    await net.open();
    await net.wire.say('40{"sid":"ID"}');
    assert.deepEqual(net.wire.take(), ["40", '422["buffered"]']);
    await net.wire.say('432["ok"]');
    assert.equal(await buffered, "ok");
    assert.deepEqual(log, []);
  });

  test("a socket whose ping is overdue keeps what is emitted for the next connection", async () => {
    const { net, socket, log } = await connect();
    net.clock.time += 45_001;
    socket.emit("a");
    assert.deepEqual(net.wire.take(), []);
    await settle();
    assert.deepEqual(log, [["disconnect", "ping timeout", undefined]]);
    assert.equal(socket.sendBuffer.length, 1);
  });
});

describe("retries", () => {
  const retrying = { retries: 2, ackTimeout: 100 };

  test("sends one event at a time, each again until it is acknowledged", async () => {
    const { net, socket, clock } = await connect(retrying);
    const log: unknown[] = [];
    socket.emit("a", (...args: unknown[]) => log.push(args));
    socket.emit("b");
    await settle();
    assert.deepEqual(net.wire.take(), ['420["a"]']);
    await clock.advance(100);
    assert.deepEqual(net.wire.take(), ['421["a"]']);
    await net.wire.say('430["too late"]', '431["ok"]');
    assert.deepEqual(log, [[null, "ok"]]);
    assert.deepEqual(net.wire.take(), ['422["b"]']);
  });

  test("gives up after as many retries as were allowed, and goes on with the next", async () => {
    const { net, socket, clock } = await connect(retrying);
    const failed = assert.rejects(socket.emitWithAck("a"), /operation has timed out/);
    socket.emit("b");
    await clock.advance(300);
    await failed;
    assert.deepEqual(net.wire.take(), ['420["a"]', '421["a"]', '422["a"]', '423["b"]']);
  });

  test("sends again what was under way when the connection broke", async () => {
    const { net, socket } = await connect(retrying);
    const done = socket.emitWithAck("a", 1);
    await settle();
    await reconnect(net);
    assert.deepEqual(net.wire.take(), ['421["a",1]']);
    await net.wire.say('431["ok"]');
    assert.equal(await done, "ok");
  });

  test("sends once what had to wait for the next connection", async () => {
    const { net, socket } = await connect({ retries: 2, ackTimeout: 100_000 });
    net.clock.time += 45_001;
    const done = socket.emitWithAck("a");
    await net.clock.advance(1_000);
    await net.open();
    await net.wire.say('40{"sid":"ID2"}');
    assert.deepEqual(net.wire.take(), ["40", '420["a"]']);
    await net.wire.say('430["ok"]');
    assert.equal(await done, "ok");
  });

  test("leaves volatile events alone", async () => {
    const { net, socket } = await connect(retrying);
    socket.volatile.emit("a");
    assert.deepEqual(net.wire.take(), ['42["a"]']);
  });
});

describe("recovery", () => {
  test("asks for what was missed, and says whether it came", async () => {
    const { net, socket } = await connect();
    await reconnect(net, '40{"sid":"ID","pid":"PID"}');
    assert.equal(socket.recovered, false);
    await net.wire.say('42["a",1,"offset-1"]', '42["b","offset-2"]', '42["c",3]');
    await net.wire.drop();
    await net.clock.advance(1_000);
    await net.open();
    assert.deepEqual(net.wire.take(), ['40{"pid":"PID","offset":"offset-2"}']);
    const log: unknown[] = [];
    socket.on("missed", (...args) => log.push(args));
    await net.wire.say('42["missed","offset-3"]', '40{"sid":"ID","pid":"PID"}');
    assert.equal(socket.recovered, true);
    assert.deepEqual(log, [["offset-3"]]);
    await reconnect(net, '40{"sid":"OTHER"}');
    assert.equal(socket.recovered, false);
  });
});
