import assert from "node:assert/strict";
import { test } from "node:test";
import { example, next } from "./support/example.mjs";

const namespaces = example("namespaces");
const claim = (name) => ({ auth: { name } });

test("a namespace whose name fits is made, and each is a world of its own", async () => {
  const ada = namespaces.client("/doc-7");
  const opened = next(ada, "opened");
  ada.connect();
  assert.deepEqual(await opened, ["/doc-7"]);
  const [bob, eve] = await Promise.all([namespaces.connected("/doc-7"), namespaces.connected("/doc-8")]);
  eve.on("edited", () => assert.fail("another document's edit came through"));
  const edited = next(ada, "edited");
  bob.emit("edit", "a word");
  assert.deepEqual(await edited, ["a word"]);
});

test("a name that does not fit is refused", async () => {
  for (const name of ["/doc-x", "/doc-70000", "/doc-", "/home-"]) {
    assert.equal((await namespaces.refused(name)).message, "Invalid namespace");
  }
});

test("a home is made for whom it belongs to, and then keeps others out", async () => {
  assert.equal((await namespaces.refused("/home-ada", claim("bob"))).message, "Invalid namespace");
  await namespaces.connected("/home-ada", claim("ada"));
  assert.equal((await namespaces.refused("/home-ada", claim("bob"))).message, "not your home");
});

test("an empty namespace goes, and the next who asks makes a new one", async () => {
  const [ada, bob] = [await namespaces.connected("/doc-9"), await namespaces.connected("/doc-9")];
  await namespaces.prints("/doc-9 is new");
  ada.disconnect();
  (await namespaces.connected("/doc-9")).disconnect();
  assert.equal(namespaces.output.split("/doc-9 is new").length, 2, "it was there while Bob was");
  bob.disconnect();
  // Whoever comes before the last has left finds the old one.
  const deadline = Date.now() + 10_000;
  while (namespaces.output.split("/doc-9 is new").length < 3) {
    assert.ok(Date.now() < deadline, "the empty namespace stays");
    (await namespaces.connected("/doc-9")).disconnect();
  }
});
