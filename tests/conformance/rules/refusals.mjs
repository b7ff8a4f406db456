// What a server refuses at the door, in which words; and that a refusal harms nobody.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rawUpgrade, request } from "../support/http.mjs";
import { Polling } from "../support/polling.mjs";
import { reference } from "../support/server.mjs";
import { ours } from "../support/suite.mjs";
import { Wire } from "../support/websocket.mjs";

const MESSAGES = [
  "Transport unknown",
  "Session ID unknown",
  "Bad handshake method",
  "Bad request",
  "Forbidden",
  "Unsupported protocol version",
];

function assertRefused({ status, headers, text }, code) {
  assert.equal(status, 400, text);
  assert.match(headers["content-type"], /^application\/json\b/);
  assert.equal(text, JSON.stringify({ code, message: MESSAGES[code] }));
}

/** An upgrade is refused before the 101, with words instead of JSON, and the connection ends. */
function assertUpgradeRefused({ status, headers, text, ended }, code) {
  assert.equal(status, 400, text);
  assert.equal(headers.connection?.toLowerCase(), "close");
  assert.equal(headers["content-type"], "text/html");
  assert.equal(headers["content-length"], String(MESSAGES[code].length));
  assert.equal(text, MESSAGES[code]);
  assert.ok(ended, "the connection is ended");
}

/** Cases against a server at `path` without protocol 3. */
export function refusalRules(server, { path }) {
  for (const [name, query] of [["absent", ""], ["3", "EIO=3&"], ["5", "EIO=5&"], ["04", "EIO=04&"], ["empty", "EIO=&"]]) {
    test(`EIO ${name} is refused over polling`, async () => {
      assertRefused(await request(server, `${path}?${query}transport=polling`), 5);
    });

    test(
      `EIO ${name} is refused over WebSocket, before the 101`,
      ours("the original answers 101 and then writes its refusal into the stream"),
      async () => assertUpgradeRefused(await rawUpgrade(server, `${path}?${query}transport=websocket`), 5),
    );
  }

  const transports = { absent: "", empty: "&transport=", unknown: "&transport=foo", webtransport: "&transport=webtransport", "a name of every object": "&transport=__proto__" };
  for (const [name, query] of Object.entries(transports)) {
    test(`transport ${name} is refused`, async () => {
      assertRefused(await request(server, `${path}?EIO=4${query}`), 0);
    });

    test(`transport ${name} is refused at an upgrade`, async () => {
      assertUpgradeRefused(await rawUpgrade(server, `${path}?EIO=4${query}`), 0);
    });
  }

  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    test(`a handshake with ${method} is refused`, async () => {
      assertRefused(await request(server, `${path}?EIO=4&transport=polling`, { method }), 2);
    });
  }

  test("a handshake with HEAD is refused, without a body", async () => {
    const { status, text } = await request(server, `${path}?EIO=4&transport=polling`, { method: "HEAD" });
    assert.equal(status, 400);
    assert.equal(text, "");
  });

  test("transport websocket without an upgrade is refused", async () => {
    assertRefused(await request(server, `${path}?EIO=4&transport=websocket`), 3);
  });

  test("other methods on a polling session are answered with 500, and leave it alone", async () => {
    const session = await Polling.connect(server, path);
    for (const method of ["PUT", "DELETE", "HEAD", "PATCH"]) {
      const { status, text } = await request(server, session.target, { method });
      assert.equal(status, 500, method);
      assert.equal(text, "");
    }
    await session.send("3");
  });

  for (const method of ["GET", "POST"]) {
    test(`an unknown sid is refused at a ${method}`, async () => {
      const target = `${path}?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA`;
      assertRefused(await request(server, target, { method, body: method === "POST" ? "3" : undefined }), 1);
    });
  }

  test("an unknown sid is refused at an upgrade", async () => {
    assertUpgradeRefused(await rawUpgrade(server, `${path}?EIO=4&transport=websocket&sid=abc`), 1);
  });

  test("a sid misused: polling on a WebSocket session is refused, and the session lives", async () => {
    const wire = await Wire.session(server, path);
    const target = `${path}?EIO=4&transport=polling&sid=${wire.open.sid}`;
    assertRefused(await request(server, target), 3);
    assertRefused(await request(server, target, { method: "POST", body: "1" }), 3);
    wire.send("3");
    assert.equal((await request(server, target)).status, 400);
    assertRefused(await request(server, target), 3); // still the wrong transport, not an unknown session
    await wire.close();
  });

  test("a sid misused: another protocol version than the session's is refused, and the session lives", async () => {
    const session = await Polling.connect(server, path);
    assertRefused(await request(server, session.target.replace("EIO=4", "EIO=3")), 3);
    await session.send("3");
  });

  test("a sid misused: transport websocket without an upgrade is refused, and the session lives", async () => {
    const session = await Polling.connect(server, path);
    assertRefused(await request(server, session.target.replace("=polling", "=websocket")), 3);
    await session.send("3");
  });

  test("an upgrade that asks for polling opens no session", async () => {
    const answer = await rawUpgrade(server, `${path}?EIO=4&transport=polling`);
    // The original completes the handshake and closes at once; a refusal says the same.
    if (reference) assert.equal(answer.status, 101);
    else assert.ok([101, 400].includes(answer.status), `status ${answer.status}`);
    assert.ok(!answer.text.includes('"sid"'), "no open packet");
  });

  for (const version of [undefined, "12", "abc"]) {
    test(`Sec-WebSocket-Version ${version} is refused`, async () => {
      const headers = { "Sec-WebSocket-Version": version };
      const answer = await rawUpgrade(server, `${path}?EIO=4&transport=websocket`, headers);
      assert.ok([400, 426].includes(answer.status), `status ${answer.status}`);
      assert.match(answer.headers["sec-websocket-version"], /^13\b/);
    });
  }

  for (const [name, key] of [["absent", undefined], ["too short", "YWJj"]]) {
    test(`Sec-WebSocket-Key ${name} is refused`, async () => {
      const headers = { "Sec-WebSocket-Key": key };
      const answer = await rawUpgrade(server, `${path}?EIO=4&transport=websocket`, headers);
      assert.equal(answer.status, 400);
    });
  }
}
