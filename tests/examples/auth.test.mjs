import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, ask, example, next } from "./support/example.mjs";

const auth = example("auth");
const token = (token) => ({ auth: { token } });

test("without a token, or with one that nobody has, a client is refused and learns why", async () => {
  assert.equal((await auth.refused()).message, "Invalid auth");
  const refusal = await auth.refused("/", token("guessed"));
  assert.deepEqual([refusal.message, refusal.data], ["unknown token", "log in again"]);
});

test("with a token it is let in, and handlers know whose it is", async () => {
  assert.equal(await ask(await auth.connected("/", token("bob-token")), "who am i"), "Bob");
});

test("a client that was refused may come again with another token", { timeout: PATIENCE }, async () => {
  const socket = auth.client("/", token("guessed"));
  socket.once("connect_error", () => {
    socket.auth = { token: "ada-token" };
    socket.connect();
  });
  const connected = new Promise((resolve) => socket.once("connect", resolve));
  socket.connect();
  await connected;
  assert.equal(await ask(socket, "who am i"), "Ada");
});

test("an event that only moderators may send reaches no handler from others", async () => {
  const bob = await auth.connected("/", token("bob-token"));
  await assert.rejects(bob.timeout(200).emitWithAck("clear"), /timed out/);
  await auth.prints("Bob is no moderator");
  const ada = await auth.connected("/", token("ada-token"));
  const cleared = next(bob, "cleared");
  assert.equal(await ask(ada, "clear"), "done");
  assert.deepEqual(await cleared, ["Ada"]);
});
