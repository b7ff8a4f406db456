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
  const gone = [polling, websocket].map((socket) => next(socket, "disconnect"));
  assert.equal(await axum.end("SIGINT"), 0);
  const [[polled], [closed]] = await Promise.all(gone);
  assert.equal(closed, "transport close");
  // A client between two polls has nobody to tell it, and finds out with the next.
  assert.match(polled, /^transport (close|error)$/);
});
