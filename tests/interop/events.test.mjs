// What events carry: every kind of JSON, binary at any depth, one argument or many, in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, msgpack, next, unique } from "./support/clients.mjs";
import { overEveryClient } from "./support/suite.mjs";
import { original } from "./support/target.mjs";

/** The official encoder of MessagePack writes another number for an integer from 2^64 up. */
const KINDS = [
  null, true, false, 0, 1, -1, 1.5, -0.25, 5e-324, ...(msgpack ? [] : [1e21]), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER,
  "", "text", "\"quotes\" and \\ and / and \n\t\u0000", "é ü 日本語 Я 🐟 \u2028", "x".repeat(5_000),
  [], {}, [[]], [{}], [1, [2, [3, [4]]]], { a: { b: { c: { d: [null] } } } },
  { "": 1, "a b": 2, "日本": 3, __proto__x: 4, _placeholder: false, num: 0 },
];

/** What the original server's MessagePack keeps of JavaScript, and ours has no word for. */
const kept = msgpack && original && "it comes back as it went";

overEveryClient("events", ({ client, sockets }) => {
  test("every kind of JSON comes back as it went", async () => {
    const socket = await sockets().connected();
    for (const value of KINDS) assert.deepEqual(await acknowledged(socket, "echo", value), [value]);
  });

  test("every kind of JSON travels in one event", async () => {
    const socket = await sockets().connected();
    assert.deepEqual(await acknowledged(socket, "echo", ...KINDS), KINDS);
  });

  test("an event without arguments is acknowledged without arguments", async () => {
    const socket = await sockets().connected();
    assert.deepEqual(await acknowledged(socket, "echo"), []);
  });

  test("undefined travels as null", { skip: kept }, async () => {
    const socket = await sockets().connected();
    assert.deepEqual(await acknowledged(socket, "echo", undefined, [undefined]), [null, [null]]);
  });

  test("64 levels of nesting come back", async () => {
    const socket = await sockets().connected();
    let nested = "heart";
    for (let level = 0; level < 32; level++) nested = [{ nested }];
    assert.deepEqual(await acknowledged(socket, "echo", nested), [nested]);
  });

  test("binary comes back byte for byte", async () => {
    const socket = await sockets().settled();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const [echoed] = await acknowledged(socket, "echo", bytes);
    assert.ok(Buffer.isBuffer(echoed));
    assert.deepEqual(echoed, bytes);
  });

  test("binary travels over whichever transport carries it just then", async () => {
    const socket = await sockets().connected();
    const sent = Array.from({ length: 50 }, (_, number) => Buffer.alloc(number, number));
    const echoed = await Promise.all(sent.map((bytes) => acknowledged(socket, "echo", bytes)));
    assert.deepEqual(echoed, sent.map((bytes) => [bytes]));
  });

  test("an empty attachment is one", async () => {
    const socket = await sockets().settled();
    assert.deepEqual(await acknowledged(socket, "echo", Buffer.alloc(0), "after"), [Buffer.alloc(0), "after"]);
  });

  test("nested binary keeps its places, both ways", async () => {
    const socket = await sockets().settled();
    const value = { list: [Buffer.from("one"), { deep: Buffer.from([0, 255]) }, "text"], number: 1, last: Buffer.from("日本") };
    assert.deepEqual(await acknowledged(socket, "echo", "first", value, Buffer.from("end")), ["first", value, Buffer.from("end")]);
  });

  test("ten attachments in one event come back in their places", async () => {
    const socket = await sockets().settled();
    const many = Array.from({ length: 10 }, (_, index) => Buffer.from(`attachment ${index}`));
    assert.deepEqual(await acknowledged(socket, "echo", many), [many]);
  });

  test("typed arrays and array buffers arrive as their bytes", { skip: kept }, async () => {
    const socket = await sockets().settled();
    const words = new Uint16Array([1, 0xabcd]);
    const [first, second] = await acknowledged(socket, "echo", words, words.buffer);
    assert.deepEqual(first, Buffer.from(words.buffer));
    assert.deepEqual(second, Buffer.from(words.buffer));
  });

  test("binary broadcasts reach text and binary neighbours alike", async () => {
    const [sender, other] = await Promise.all([sockets().settled(), sockets().connected()]);
    const mark = unique("binary");
    const heard = new Promise((resolve) => other.on("broadcast", (data) => data?.mark === mark && resolve(data)));
    sender.emit("broadcast", { mark, bytes: [Buffer.from("for all")] });
    assert.deepEqual(await heard, { mark, bytes: [Buffer.from("for all")] });
  });

  test("text and binary events keep their order", async () => {
    const socket = await sockets().connected();
    const answers = [];
    const done = new Promise((resolve) => {
      for (let number = 0; number < 200; number++) {
        const value = number % 3 === 0 ? Buffer.from([number]) : number;
        socket.emit("echo", value, (answer) => {
          answers.push(Buffer.isBuffer(answer) ? answer[0] : answer);
          if (answers.length === 200) resolve();
        });
      }
    });
    await done;
    assert.deepEqual(answers, Array.from({ length: 200 }, (_, number) => number));
  });

  test("an event that nobody handles harms nothing", async () => {
    const socket = await sockets().connected();
    socket.emit("nobody handles this", 1, { two: 2 });
    socket.emit("", "an empty name");
    assert.deepEqual(await acknowledged(socket, "echo", "after"), ["after"]);
  });

  const eager = client.legacy && "it has no volatile";
  test("volatile events arrive on a connection that is idle", { skip: eager }, async () => {
    const socket = await sockets().settled();
    const mark = unique("volatile");
    const heard = new Promise((resolve) => socket.on("broadcast", (data) => data === mark && resolve(data)));
    // Once an echo is back the transport is idle, save that polling must first have its next GET under way.
    while (!(await acknowledged(socket, "echo", 1).then(() => socket.io.engine.transport.writable))) await next(socket.io.engine, "drain");
    socket.volatile.emit("broadcast", mark);
    assert.equal(await heard, mark);
  });
});
