import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ask, example, heard, next } from "./support/example.mjs";

const rooms = example("rooms");

// Each test has rooms of its own: who leaves behind one test may be heard in its room during the next.
let ada, bob, eve;
beforeEach(async () => {
  [ada, bob, eve] = await Promise.all([rooms.connected(), rooms.connected(), rooms.connected()]);
});

/** What each hears from now on; asked for, once everything that was emitted before has come. */
async function hearing(...sockets) {
  const through = () => Promise.all(sockets.map((socket) => ask(socket, "leave", "nowhere")));
  await through();
  const all = sockets.map(heard);
  return async () => {
    await through();
    return all;
  };
}

test("a room is those who joined it, and hears who comes and goes", async () => {
  const sizes = [];
  ada.on("size", (room, size) => sizes.push([room, size]));
  assert.equal(await ask(ada, "join", "garden"), 1);
  assert.equal(await ask(bob, "join", "garden"), 2);
  assert.equal(await ask(eve, "join", "garden"), 3);
  await ask(bob, "leave", "garden");
  const alone = next(ada, "size", (_room, size) => size === 1);
  eve.disconnect();
  await alone;
  assert.deepEqual(sizes, [2, 3, 2, 1].map((size) => ["garden", size]));
});

test("`to` is heard by the others, `within` by all of the room, and neither outside of it", async () => {
  await ask(ada, "join", "kitchen");
  await ask(bob, "join", "kitchen");
  const all = await hearing(ada, bob, eve);
  ada.emit("say", "kitchen", "rain!");
  ada.emit("roll", "kitchen");
  await ask(ada, "leave", "nowhere");
  assert.deepEqual(await all(), [[["rolled", 4]], [["said", "rain!"], ["rolled", 4]], []]);
});

test("who is in two of several rooms hears it once, and who is excepted not at all", async () => {
  await ask(ada, "join", "upstairs");
  await ask(ada, "join", "downstairs");
  await ask(bob, "join", "downstairs");
  await ask(bob, "join", "do not disturb");
  const all = await hearing(ada, bob);
  eve.emit("announce", "dinner");
  await ask(eve, "leave", "nowhere");
  assert.deepEqual(await all(), [[["announced", "dinner"]], []]);
});

test("one socket is reached by its id, and a room's name is no id", async () => {
  await ask(bob, "join", "cellar");
  const all = await hearing(ada, bob);
  eve.emit("whisper", ada.id, "psst");
  eve.emit("whisper", "cellar", "psst");
  await ask(eve, "leave", "nowhere");
  assert.deepEqual(await all(), [[["whispered", eve.id, "psst"]], []]);
});
