// Who pings, when, and what silence costs. `interval` and `timeout` are milliseconds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Polling } from "../support/polling.mjs";
import { assertCanTakeWithin, assertTook, sleep, timed } from "../support/time.mjs";
import { Wire } from "../support/websocket.mjs";

/** Cases against a server with short heartbeats; `join(peer)` makes a session stay beyond its first second. */
export function heartbeatRules(server, { path, interval, timeout, join = async () => {} }) {
  test("over WebSocket the server pings after the interval, and again an interval after each pong", async () => {
    const wire = await Wire.session(server, path);
    await join(wire);
    const first = await timed(() => wire.receive());
    assert.equal(first.value, "2");
    for (let round = 0; round < 3; round++) {
      wire.send("3");
      const next = await timed(() => wire.receive());
      assert.equal(next.value, "2");
      assertTook(next.took, interval, "the ping after a pong");
    }
    await wire.close();
  });

  test("the first ping over WebSocket comes after the interval, not before", async () => {
    const opened = await timed(() => Wire.session(server, path));
    const { value, took } = await timed(() => opened.value.receive());
    assert.equal(value, "2");
    // The session began at some moment while it was opened.
    assertTook(took + opened.took, interval, "the first ping");
    await opened.value.close();
  });

  test("the first ping comes before a client gives up, which is after the interval and the time-out", async () => {
    // Of many at once, since a server may spread its pings.
    const slowest = async () => {
      const took = await Promise.all(Array.from({ length: 16 }, async () => {
        const wire = await Wire.session(server, path);
        const ping = await timed(() => wire.receive());
        assert.equal(ping.value, "2");
        await wire.close();
        return ping.took;
      }));
      return Math.max(...took);
    };
    await assertCanTakeWithin(interval + timeout, "the last of 16 first pings", slowest);
  });

  test("the first ping over polling comes after the interval, not before", async () => {
    const opened = await timed(() => Polling.connect(server, path));
    const { value, took } = await timed(() => opened.value.poll());
    assert.deepEqual(value, ["2"]);
    assertTook(took + opened.took, interval, "the first ping");
  });

  test("over polling the server pings again an interval after each pong", async () => {
    const session = await Polling.connect(server, path);
    await join(session);
    assert.equal(await session.receive(), "2");
    for (let round = 0; round < 3; round++) {
      const { took } = await timed(async () => {
        await session.send("3");
        assert.equal(await session.receive(), "2");
      });
      assertTook(took, interval, "the ping after a pong");
    }
  });

  test("a WebSocket session without a pong is closed after the time-out, without a status", async () => {
    const { took } = await timed(async () => {
      const wire = await Wire.session(server, path);
      assert.equal(await wire.receive(), "2");
      await wire.assertCloses(1005);
    });
    assertTook(took, interval + timeout, "the close");
  });

  test("a polling session without a pong is closed after the time-out: the pending GET gets the close packet", async () => {
    const { value: session, took } = await timed(async () => {
      const session = await Polling.connect(server, path);
      assert.equal(await session.receive(), "2");
      assert.deepEqual(await session.poll(), ["1"]);
      return session;
    });
    assertTook(took, interval + timeout, "the close");
    await session.assertUnknown();
  });

  test("a polling session that never polls is closed, too", async () => {
    const session = await Polling.connect(server, path);
    // Asking earlier would be a sign of life.
    await sleep(2 * (interval + timeout));
    await session.assertUnknown();
  });

  test("a ping from the client has the wrong direction and closes a WebSocket session", async () => {
    const wire = await Wire.session(server, path);
    wire.send("2");
    await wire.assertCloses(1005);
  });

  test("a ping from the client has the wrong direction and closes a polling session", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold();
    await session.post("2");
    assert.deepEqual(await pending.packets(), ["1"]);
    await session.assertUnknown();
  });

  test("a pong that nobody asked for is taken", async () => {
    const wire = await Wire.session(server, path);
    wire.send("3", "3");
    assert.equal(await wire.receive(), "2");
    await wire.close();
  });
}
