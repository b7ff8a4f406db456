// How a session ends, by whose will, and that the others do not notice.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { pendingRequest, request } from "../support/http.mjs";
import { Polling } from "../support/polling.mjs";
import { ours } from "../support/suite.mjs";
import { PATIENCE, sleep, within } from "../support/time.mjs";
import { Wire } from "../support/websocket.mjs";

/** Waits until the server has noticed that a session is gone; it must within a moment. */
async function assertSoonUnknown(server, path, sid) {
  const target = `${path}?EIO=4&transport=polling&sid=${sid}`;
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const { text } = await request(server, target, { method: "POST", body: "6" });
    if (text === '{"code":1,"message":"Session ID unknown"}') return;
    assert.ok(Date.now() < deadline, `the session is still known: ${text}`);
    await sleep(20);
  }
}

export function closeRules(server, { path }) {
  test("polling: a close packet ends the session, and the pending GET gets a noop", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold();
    await session.send("1");
    assert.deepEqual(await pending.packets(), ["6"]);
    await session.assertUnknown();
  });

  test("polling: a close packet without a pending GET ends the session", async () => {
    const session = await Polling.connect(server, path);
    await session.send("1");
    await session.assertUnknown();
  });

  test("polling: a GET that the client drops ends the session", async () => {
    const session = await Polling.connect(server, path);
    const pending = pendingRequest(server, session.target);
    await sleep(100); // until it has arrived; a slower server only sees it dropped earlier
    pending.destroy();
    await assertSoonUnknown(server, path, session.sid);
  });

  test("polling: a POST that the client drops in its body ends the session", async () => {
    const session = await Polling.connect(server, path);
    const socket = connect({ host: server.host, port: server.port });
    socket.write(`POST ${session.target} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 10\r\n\r\n4ab`);
    await sleep(100); // as above
    socket.destroy();
    await assertSoonUnknown(server, path, session.sid);
  });

  test("polling: a second GET is refused, the first gets the close packet, the session ends", async () => {
    const session = await Polling.connect(server, path);
    // Which of the two arrives first is not ours to say.
    const answers = await Promise.all([session.get(), session.get()]);
    answers.sort((one, other) => one.status - other.status);
    assert.deepEqual(answers.map(({ status, text }) => [status, text]), [[200, "1"], [400, ""]]);
    await session.assertUnknown();
  });

  test("polling: a second POST is refused and the session ends", async () => {
    const session = await Polling.connect(server, path);
    const socket = connect({ host: server.host, port: server.port });
    socket.on("error", () => {}); // it is cut: that is what is wanted
    const ended = once(socket, "close");
    socket.write(`POST ${session.target} HTTP/1.1\r\nHost: ${server.host}\r\nContent-Length: 10\r\n\r\n4ab`);
    socket.resume();
    await sleep(100); // until the first has begun
    const second = await session.post("4second");
    assert.equal(second.status, 400);
    assert.equal(second.text, "");
    await session.assertUnknown();
    await within(PATIENCE, ended, "the end of the first POST's connection");
  });

  test("polling: binary as application/octet-stream is refused and the session ends", async () => {
    const session = await Polling.connect(server, path);
    const answer = await session.post(Buffer.from([4, 1, 2]), { "content-type": "application/octet-stream" });
    assert.equal(answer.status, 400);
    await session.assertUnknown();
  });

  const garbage = { "an empty body": "", "an unknown type": "9", "garbage": "abc", "an empty packet": "3\x1e", "a leading separator": "\x1e3" };
  for (const [name, body] of Object.entries(garbage)) {
    test(`polling: ${name} ends the session, and the pending GET gets the close packet`, async () => {
      const session = await Polling.connect(server, path);
      const pending = await session.hold();
      const answer = await session.post(body);
      assert.ok([200, 400].includes(answer.status), `status ${answer.status}`);
      assert.deepEqual(await pending.packets(), ["1"]);
      await session.assertUnknown();
    });
  }

  test(
    "polling: invalid UTF-8 ends the session",
    ours("the original replaces what is no UTF-8"),
    async () => {
      const session = await Polling.connect(server, path);
      const answer = await session.post(Buffer.from([0x34, 0xff, 0xfe]));
      assert.equal(answer.status, 400);
      await session.assertUnknown();
    },
  );

  test(
    "polling: a binary packet that is no base64 ends the session",
    ours("the original decodes what it can"),
    async () => {
      const session = await Polling.connect(server, path);
      const answer = await session.post("b*not base64*");
      assert.ok([200, 400].includes(answer.status), `status ${answer.status}`);
      await session.assertUnknown();
    },
  );

  test("WebSocket: the client closes, and the session is gone", async () => {
    const wire = await Wire.session(server, path);
    const { code } = await wire.close();
    assert.equal(code, 1005, "the close is answered in kind");
    await assertSoonUnknown(server, path, wire.open.sid);
  });

  test("WebSocket: the client's connection is cut, and the session is gone", async () => {
    const wire = await Wire.session(server, path);
    wire.cut();
    await assertSoonUnknown(server, path, wire.open.sid);
  });

  for (const [name, frame] of [["an unknown type", "9"], ["garbage", "abc"], ["an empty text", ""]]) {
    test(`WebSocket: ${name} closes it without a status`, async () => {
      const wire = await Wire.session(server, path);
      wire.send(frame);
      await wire.assertCloses(1005);
      await assertSoonUnknown(server, path, wire.open.sid);
    });
  }

  test("WebSocket: packets of types 0, 1, 5 and 6 are ignored", async () => {
    const wire = await Wire.session(server, path);
    wire.send("0", "1", "5", "6");
    const target = `${path}?EIO=4&transport=polling&sid=${wire.open.sid}`;
    // Whoever closes on one of these has done so by the time this is answered.
    await sleep(100);
    const { text } = await request(server, target);
    assert.equal(text, '{"code":3,"message":"Bad request"}', "the session is known");
    assert.equal(wire.code, undefined, "the WebSocket is open");
    await wire.close();
  });

  test("the end of one session is not noticed by another", async () => {
    const neighbour = await Polling.connect(server, path);
    const pending = await neighbour.hold();
    const wire = await Wire.session(server, path);
    wire.cut();
    const session = await Polling.connect(server, path);
    await session.post("garbage");
    await session.assertUnknown();
    await neighbour.send("1");
    assert.deepEqual(await pending.packets(), ["6"]);
  });
}
