// Acknowledgements, both ways.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, next, unique } from "./support/clients.mjs";
import { overEveryClient } from "./support/suite.mjs";
import { original } from "./support/target.mjs";

overEveryClient("acks", ({ client, sockets }) => {
  test("the server hears the client's answer", async () => {
    const socket = await sockets().connected();
    socket.on("ask", (question, ack) => ack(question.number + 1, "two"));
    const answered = next(socket, "answered");
    socket.emit("ask", { number: 41 });
    assert.deepEqual(await answered, [42, "two"]);
  });

  test("the server hears an answer with binary to a question with binary", async () => {
    const socket = await sockets().settled();
    socket.on("ask", (bytes, ack) => ack({ back: Buffer.concat([bytes, Buffer.from("!")]) }));
    const answered = next(socket, "answered");
    socket.emit("ask", Buffer.from("heard"));
    assert.deepEqual(await answered, [{ back: Buffer.from("heard!") }]);
  });

  test("a question that the client never answers times out on the server", async () => {
    const socket = await sockets().connected();
    socket.on("ask", () => {});
    const unanswered = next(socket, "unanswered");
    socket.emit("ask", "anyone?");
    await unanswered;
  });

  test("an answer without arguments is an answer", async () => {
    const socket = await sockets().connected();
    socket.on("ask", (ack) => ack());
    const answered = next(socket, "answered");
    socket.emit("ask");
    assert.deepEqual(await answered, []);
  });

  test("questions both ways at once meet their own answers", async () => {
    const socket = await sockets().connected();
    socket.on("ask", (number, ack) => ack(-number));
    const heard = [];
    const all = new Promise((resolve) => socket.on("answered", (number) => heard.push(number) === 50 && resolve()));
    const echoes = [];
    for (let number = 1; number <= 50; number++) {
      socket.emit("ask", number);
      echoes.push(acknowledged(socket, "echo", number));
    }
    assert.deepEqual(await Promise.all(echoes), Array.from({ length: 50 }, (_, index) => [index + 1]));
    await all;
    assert.deepEqual(heard, Array.from({ length: 50 }, (_, index) => -(index + 1)));
  });

  test("2,000 acks asked in one write come complete and in order", async () => {
    const socket = await sockets().settled();
    const order = [];
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${order.length} of 2,000 acks came`)), 20_000);
      for (let number = 0; number < 2_000; number++) {
        socket.emit("echo", number, (answer) => {
          if (order.push(answer) === 2_000) { clearTimeout(timer); resolve(); }
        });
      }
    });
    assert.deepEqual(order, Array.from({ length: 2_000 }, (_, number) => number));
  });

  test("2,000 acks asked before and during an upgrade come complete and in order", async () => {
    const socket = await sockets().connected();
    const answers = await Promise.all(Array.from({ length: 2_000 }, (_, number) => acknowledged(socket, "echo", number)));
    assert.deepEqual(answers, Array.from({ length: 2_000 }, (_, number) => [number]));
  });

  if (client.timeouts) {
    test("an event that is never acknowledged times out on the client", async () => {
      const socket = await sockets().connected();
      const error = await new Promise((resolve) => socket.timeout(200).emit("nobody handles this", resolve));
      assert.equal(error.message, "operation has timed out");
    });

    test("an acknowledged event does not time out", async () => {
      const socket = await sockets().connected();
      const answer = await new Promise((resolve) => socket.timeout(5_000).emit("echo", "in time", (...args) => resolve(args)));
      assert.deepEqual(answer, [null, "in time"]);
    });

    test("emitWithAck resolves with the answer", async () => {
      const socket = await sockets().connected();
      assert.equal(await socket.emitWithAck("echo", "promised"), "promised");
    });

    const forgets = original && "the original handles each attempt";
    test("an event that is sent again is handled once for its key", { skip: forgets }, async () => {
      const socket = await sockets().connected("/", { retries: 5, ackTimeout: 100 });
      const key = unique("order");
      let sent = 0;
      socket.onAnyOutgoing((event) => { if (event === "order") sent += 1; });
      const order = () => new Promise((resolve, reject) =>
        socket.emit("order", key, (error, times) => (error ? reject(error) : resolve(times))));
      assert.equal(await order(), 1, "the server takes 300 ms, and the client asks again after 100");
      assert.ok(sent > 1, `it was sent ${sent} times`);
      assert.equal(await order(), 1);
    });

    test("retries deliver each event once while the server acknowledges", async () => {
      const socket = await sockets().connected("/", { retries: 3, ackTimeout: 5_000 });
      const answers = await Promise.all([1, 2, 3].map((number) => new Promise((resolve, reject) =>
        socket.emit("echo", number, (error, answer) => (error ? reject(error) : resolve(answer))))));
      assert.deepEqual(answers, [1, 2, 3]);
    });
  }
});
