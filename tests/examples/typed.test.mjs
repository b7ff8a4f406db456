import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, example, heard, next } from "./support/example.mjs";

const typed = example("typed");

test("events that are types are, on the wire, events like any other", async () => {
  const [ada, bob] = await Promise.all([typed.connected(), typed.connected()]);
  assert.deepEqual(await ask(ada, "join", "Ada"), []);
  const joined = next(ada, "joined");
  assert.deepEqual(await ask(bob, "join", "Bob"), ["Ada"]);
  assert.deepEqual(await joined, [{ name: "Bob" }]);
  const bobs = heard(bob);
  const message = next(ada, "message");
  bob.emit("say", "hello");
  assert.deepEqual(await message, ["Bob", "hello"]);
  assert.deepEqual(bobs, []);
});

test("an argument of another type reaches no handler", async () => {
  const socket = await typed.connected();
  await assert.rejects(socket.timeout(200).emitWithAck("join", { name: "Ada" }), /timed out/);
});
