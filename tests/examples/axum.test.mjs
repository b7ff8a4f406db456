import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, example, next } from "./support/example.mjs";

const axum = example("axum");

test("routes answer beside the sockets, know them, and emit to them", async () => {
  const socket = await axum.connected();
  assert.equal(await (await fetch(axum.url)).text(), "1 sockets, 0 announcements\n");
  const announced = next(socket, "announcement");
  const posted = await fetch(`${axum.url}/announcements`, { method: "POST", body: "Lunch is ready" });
  assert.equal(posted.status, 202);
  assert.deepEqual(await announced, ["Lunch is ready"]);
  assert.equal(await ask(socket, "how many?"), 1);
  assert.equal((await fetch(`${axum.url}/nowhere`)).status, 404);
});

test("Ctrl-C tells every socket, and then the process ends well", async () => {
  const [polling, websocket] = await Promise.all(
    ["polling", "websocket"].map((transport) => axum.connected("/", { transports: [transport] })),
  );
  // Behind the answer the next poll goes out, and is most likely there when a request behind it has been answered.
  await ask(polling, "how many?");
  await fetch(axum.url);
  const gone = [polling, websocket].map((socket) => next(socket, "disconnect"));
  const told = performance.now();
  assert.equal(await axum.end("SIGINT"), 0);
  assert.ok(performance.now() - told < 5_000, "it waited for a poll to end by itself");
  const [[polled], [closed]] = await Promise.all(gone);
  assert.equal(closed, "transport close");
  // A client between two polls has nobody to tell it, and finds out with the next.
  assert.match(polled, /^transport (close|error)$/);
});
