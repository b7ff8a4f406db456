import assert from "node:assert/strict";
import { test } from "node:test";
import { example, heard, next } from "./support/example.mjs";

const hello = example("hello");

test("whoever says something is heard by all others in the lobby", async () => {
  const [ada, bob, eve] = await Promise.all([hello.connected(), hello.connected(), hello.connected()]);
  const adas = heard(ada);
  const all = [bob, eve].map((socket) => next(socket, "message"));
  ada.emit("message", "hello");
  assert.deepEqual(await Promise.all(all), [["hello"], ["hello"]]);
  const answer = next(ada, "message");
  bob.emit("message", "hello, Ada");
  await answer;
  assert.deepEqual(adas, [["message", "hello, Ada"]]);
});
