import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, example, next } from "./support/example.mjs";

const chat = example("chat");
const named = (name) => ({ auth: { name } });

test("nobody comes in without a name, and no name comes in twice", async () => {
  assert.equal((await chat.refused("/chat", named(" "))).message, "a name, please");
  assert.equal((await chat.refused("/chat")).message, "Invalid auth");
  await chat.connected("/chat", named("Ada"));
  const refusal = await chat.refused("/chat", named("Ada"));
  assert.deepEqual([refusal.message, refusal.data], ["somebody has that name", "Ada"]);
});

test("a room knows who is there, hears what is said, and who leaves", async () => {
  const cleo = await chat.connected("/chat", named("Cleo"));
  const dora = await chat.connected("/chat", named("Dora"));
  assert.deepEqual(await ask(cleo, "join", "tea"), ["Cleo"]);
  const joined = next(cleo, "joined");
  assert.deepEqual((await ask(dora, "join", "tea")).sort(), ["Cleo", "Dora"]);
  assert.deepEqual(await joined, ["tea", "Dora"]);
  const both = [cleo, dora].map((socket) => next(socket, "said"));
  dora.emit("say", "tea", "milk?");
  assert.deepEqual(await Promise.all(both), Array(2).fill(["tea", "Dora", "milk?"]));
  const left = next(cleo, "left");
  dora.disconnect();
  assert.deepEqual(await left, ["tea", "Dora"]);
  await chat.prints("Dora has gone: client namespace disconnect");
  await chat.connected("/chat", named("Dora"));
});
