import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PATIENCE, ask, example, next } from "./support/example.mjs";

const folder = mkdtempSync(join(tmpdir(), "sockeye-database-"));
after(() => rmSync(folder, { recursive: true }));
const database = example("database", { args: [join(folder, "messages.sqlite")] });

test("what was acknowledged is there after the process was killed, and who comes back gets what it has not", { timeout: PATIENCE }, async () => {
  const has = new Map();
  const auth = (send) => send({ after: Math.max(0, ...has.keys()) });
  const bob = database.client("/", { auth, reconnection: true, reconnectionDelay: 20 });
  bob.on("said", ({ id, text }) => has.set(id, text));
  bob.on("history", (messages) => messages.forEach(({ id, text }) => has.set(id, text)));
  const none = next(bob, "history");
  bob.connect();
  assert.deepEqual(await none, [[]]);

  const ada = await database.connected();
  const said = next(bob, "said");
  const first = await ask(ada, "say", "one");
  assert.deepEqual(await said, [{ id: first, text: "one" }]);
  const injection = "two'); DROP TABLE messages; --";
  const second = await ask(ada, "say", injection);

  const gone = next(bob, "disconnect");
  await database.end("SIGKILL");
  await gone;
  const back = new Promise((resolve) => bob.once("history", resolve));
  await database.start();
  // Bob may have heard the second one before the end.
  for (const { id } of await back) assert.ok(id > first);
  assert.deepEqual([...has], [[first, "one"], [second, injection]]);
  const third = await ask(await database.connected(), "say", "three");
  assert.ok(third > second);
});
