// From polling to WebSocket: probe, noop, and the packet that moves the session; and the ways it is misused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rawUpgrade, request } from "../support/http.mjs";
import { Polling } from "../support/polling.mjs";
import { ours } from "../support/suite.mjs";
import { refused, Wire } from "../support/websocket.mjs";

/** A session moved to WebSocket the way an orderly client does it. */
export async function upgraded(server, path) {
  const session = await Polling.connect(server, path);
  const wire = await Wire.candidate(server, path, session.sid);
  const pending = await session.hold();
  wire.send("2probe");
  assert.equal(await wire.receive(), "3probe");
  assert.deepEqual(await pending.packets(), ["6"]);
  wire.send("5");
  return { session, wire };
}

async function assertMoved(session) {
  const { status, text } = await session.get();
  assert.equal(status, 400);
  assert.equal(text, '{"code":3,"message":"Bad request"}');
}

export function upgradeRules(server, { path }) {
  test("a probe is answered on the new transport, before the session moves", async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    await session.send("3"); // polling still serves
    await wire.close();
  });

  test("the pending GET is answered with a noop when the upgrade starts", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold();
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    const { status, headers, text } = await pending.answer();
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(text, "6");
    await wire.close();
  });

  test("a GET that comes after the probe is answered with a noop, too", async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    assert.deepEqual(await session.poll(), ["6"]);
    assert.deepEqual(await session.poll(), ["6"]);
    await wire.close();
  });

  test("after the upgrade packet a polling request is refused", async () => {
    const { session, wire } = await upgraded(server, path);
    wire.send("3");
    // The packet and the request take different ways.
    await settle(session);
    await assertMoved(session);
    await wire.close();
  });

  test("a GET that is pending when the session moves is answered", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold();
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe", "5");
    assert.equal(await wire.receive(), "3probe");
    const { status, text } = await pending.answer();
    assert.equal(status, 200);
    // The noop of the probe, or the close of the transport that was left, whichever was earlier.
    assert.match(text, /^[16]$/);
    await wire.close();
  });

  test("the new transport serves the session until it is closed, and then the session is gone", async () => {
    const { session, wire } = await upgraded(server, path);
    await settle(session);
    await wire.close();
    await gone(session);
  });

  test("every probe is answered", async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe", "2probe");
    assert.deepEqual(await wire.receiveAll(2), ["3probe", "3probe"]);
    await wire.close();
  });

  for (const [name, frame] of [["a ping without the probe", "2"], ["a pong", "3"], ["a noop", "6"], ["a message", "4hello"]]) {
    test(`${name} instead of the probe closes that WebSocket; the session stays on polling`, async () => {
      const session = await Polling.connect(server, path);
      const wire = await Wire.candidate(server, path, session.sid);
      wire.send(frame);
      await wire.assertCloses();
      await session.send("3");
    });
  }

  test(
    "the upgrade packet without a probe closes that WebSocket; the session stays on polling",
    ours("the original moves without a probe"),
    async () => {
      const session = await Polling.connect(server, path);
      const wire = await Wire.candidate(server, path, session.sid);
      wire.send("5");
      await wire.assertCloses();
      await session.send("3");
    },
  );

  test("a candidate that closes before the upgrade packet leaves the session on polling, which may try again", async () => {
    const session = await Polling.connect(server, path);
    const first = await Wire.candidate(server, path, session.sid);
    first.send("2probe");
    assert.equal(await first.receive(), "3probe");
    await first.close();
    await session.send("3");
    const second = await Wire.candidate(server, path, session.sid);
    second.send("2probe");
    assert.equal(await second.receive(), "3probe");
    second.send("5");
    await settle(session);
    await second.close();
  });

  test("a second WebSocket while one probes is turned away, and the first completes", async () => {
    const session = await Polling.connect(server, path);
    const first = await Wire.candidate(server, path, session.sid);
    first.send("2probe");
    assert.equal(await first.receive(), "3probe");
    await refused(server, `${path}?EIO=4&transport=websocket&sid=${session.sid}`);
    first.send("5");
    await settle(session);
    await assertMoved(session);
    await first.close();
  });

  test("a WebSocket for a session that has moved is turned away, and the session lives", async () => {
    const { session, wire } = await upgraded(server, path);
    await settle(session);
    await refused(server, `${path}?EIO=4&transport=websocket&sid=${session.sid}`);
    await assertMoved(session);
    assert.equal(wire.code, undefined, "the WebSocket is open");
    await wire.close();
  });

  test("an upgrade of a session that has ended is refused", async () => {
    const session = await Polling.connect(server, path);
    await session.send("1");
    const answer = await rawUpgrade(server, `${path}?EIO=4&transport=websocket&sid=${session.sid}`);
    assert.equal(answer.status, 400);
    assert.equal(answer.text, "Session ID unknown");
  });

  test("a close packet over polling while a candidate probes ends the session and the candidate", async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    await session.send("1");
    await session.assertUnknown();
    await wire.assertCloses();
  });
}

/** Waits until the session has moved: polling it is then refused as the wrong transport. */
async function settle(session) {
  for (;;) {
    const { status, text } = await request(session.server, session.target, { method: "POST", body: "3" });
    if (status === 400) {
      assert.equal(text, '{"code":3,"message":"Bad request"}');
      return;
    }
  }
}

/** Waits until the session is unknown. */
async function gone(session) {
  for (;;) {
    const { text } = await request(session.server, session.target);
    if (text === '{"code":1,"message":"Session ID unknown"}') return;
    assert.equal(text, '{"code":3,"message":"Bad request"}');
  }
}
