import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, example, next } from "./support/example.mjs";

const acks = example("acks");

test("the server answers with what its handler returns, also when the answer is no", async () => {
  const socket = await acks.connected();
  assert.deepEqual(await ask(socket, "divide", 7, 2), { status: "done", quotient: 3.5 });
  assert.deepEqual(await ask(socket, "divide", 7, 0), { status: "not_possible", reason: "the divisor is zero" });
});

test("a handler that fails acknowledges nothing, and the client's time-out ends the wait", async () => {
  const socket = await acks.connected();
  await assert.rejects(socket.timeout(200).emitWithAck("divide", "seven", 2), /timed out/);
});

test("an order is acknowledged before it is ready", async () => {
  const socket = await acks.connected();
  const order = [];
  const ready = next(socket, "ready").then(([dish]) => order.push(`${dish} is ready`));
  order.push(await ask(socket, "order", "soup"));
  await ready;
  assert.deepEqual(order, ["taken", "soup is ready"]);
});

test("the server asks a client, hears its answer, and waits no longer than it has patience", async () => {
  const socket = await acks.connected();
  socket.on("question", (_text, answer) => answer("42"));
  assert.equal(await ask(socket, "quiz"), "right");
  socket.off("question").on("question", (_text, answer) => answer("41"));
  assert.equal(await ask(socket, "quiz"), "not 41");
  socket.off("question").on("question", (_text, answer) => answer({ no: "text" }));
  assert.notEqual(await ask(socket, "quiz"), "too late");
  socket.off("question");
  assert.equal(await ask(socket, "quiz"), "too late");
});

test("a vote counts those who answer in time, and those who do not", async () => {
  const [ada, bob, eve, mute] = await Promise.all(Array.from({ length: 4 }, () => acks.connected()));
  ada.on("vote", (_motion, answer) => answer(true));
  bob.on("vote", (_motion, answer) => answer(true));
  eve.on("vote", (_motion, answer) => answer(false));
  assert.deepEqual(await ask(mute, "vote", "more tea?"), { yes: 2, no: 1, missing: 1 });
});
