import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ask, example, next } from "./support/example.mjs";

const folder = mkdtempSync(join(tmpdir(), "sockeye-database-"));
after(() => rmSync(folder, { recursive: true }));
const database = example("database", { args: [join(folder, "messages.sqlite")] });

async function history(after) {
  const socket = database.client("/", after === undefined ? {} : { auth: { after } });
  const sent = next(socket, "history");
  socket.connect();
  const [messages] = await sent;
  return messages;
}

test("what was acknowledged is there after the process was killed", async () => {
  assert.deepEqual(await history(), []);
  const [ada, bob] = await Promise.all([database.connected(), database.connected()]);
  const said = next(bob, "said");
  const first = await ask(ada, "say", "one");
  assert.deepEqual(await said, [{ id: first, text: "one" }]);
  const second = await ask(ada, "say", "two'); DROP TABLE messages; --");
  await database.stop("SIGKILL");
  await database.start();
  assert.deepEqual((await history()).map(({ id }) => id), [first, second]);
  const third = await ask(await database.connected(), "say", "three");
  assert.deepEqual(await history(second), [{ id: third, text: "three" }]);
});
