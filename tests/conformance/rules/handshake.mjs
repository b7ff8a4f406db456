// The opening of an Engine.IO session, over both transports.

import assert from "node:assert/strict";
import { test } from "node:test";
import { rawUpgrade, request } from "../support/http.mjs";
import { Polling } from "../support/polling.mjs";
import { ours } from "../support/suite.mjs";
import { Wire } from "../support/websocket.mjs";

const KEYS = ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"];

/** Cases against a server at `path` whose open packet shows `shown`. */
export function handshakeRules(server, { path, shown }) {
  const polling = `${path}?EIO=4&transport=polling`;

  test("polling is answered with 200 and one open packet as text", async () => {
    const { status, headers, text } = await request(server, polling);
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(headers["content-length"], String(Buffer.byteLength(text)));
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(text[0], "0");
    assert.ok(!text.includes("\x1e"), "one packet");
  });

  test("the open packet of polling has exactly five keys, in order", async () => {
    const { text } = await request(server, polling);
    assert.deepEqual(Object.keys(JSON.parse(text.slice(1))), KEYS);
  });

  test("the open packet of WebSocket has exactly five keys, in order", async () => {
    const wire = await Wire.session(server, path);
    assert.deepEqual(Object.keys(wire.open), KEYS);
    await wire.close();
  });

  test("upgrades is exactly [\"websocket\"] for polling", async () => {
    const { open } = await Polling.connect(server, path);
    assert.deepEqual(open.upgrades, ["websocket"]);
  });

  test("upgrades is exactly [] for WebSocket", async () => {
    const wire = await Wire.session(server, path);
    assert.deepEqual(wire.open.upgrades, []);
    await wire.close();
  });

  for (const [name, value] of Object.entries(shown)) {
    test(`${name} is ${value} over both transports`, async () => {
      const { open } = await Polling.connect(server, path);
      const wire = await Wire.session(server, path);
      assert.equal(open[name], value);
      assert.equal(wire.open[name], value);
      await wire.close();
    });
  }

  test("a sid is 20 characters of URL-safe base64, and each session has its own", async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => Polling.connect(server, path)));
    for (const { sid } of sessions) assert.match(sid, /^[A-Za-z0-9_-]{20}$/);
    assert.equal(new Set(sessions.map(({ sid }) => sid)).size, sessions.length);
  });

  test("the 101 answers the key and agrees to no extension and no subprotocol", async () => {
    const { status, headers } = await rawUpgrade(server, `${path}?EIO=4&transport=websocket`);
    assert.equal(status, 101);
    assert.equal(headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert.equal(headers["sec-websocket-extensions"], undefined);
    assert.equal(headers["sec-websocket-protocol"], undefined);
  });

  test("of a repeated key the last value counts, and t is ignored", async () => {
    const { status, text } = await request(server, `${path}?EIO=3&transport=foo&EIO=4&transport=polling&t=OyXbPzH`);
    assert.equal(status, 200, text);
    assert.equal(text[0], "0");
  });

  test("an empty sid counts as none", async () => {
    const { status, text } = await request(server, `${polling}&sid=`);
    assert.equal(status, 200, text);
    assert.equal(text[0], "0");
  });

  test(`it is served under ${path} and nowhere else`, async () => {
    const query = "?EIO=4&transport=polling";
    assert.equal((await request(server, `${path}extra${query}`)).status, 200, "the path is a prefix");
    for (const other of [`${path.slice(0, -1)}x`, "/", "/other/", `/nested${path}`]) {
      assert.equal((await request(server, other + query)).status, 404, other);
    }
  });

  test(`${path} is served without its last slash, too`, ours("the original serves it only with the slash"), async () => {
    const { status, text } = await request(server, `${path.slice(0, -1)}?EIO=4&transport=polling`);
    assert.equal(status, 200, text);
    assert.equal(text[0], "0");
  });
}

/** Cases against a server that allows every origin. */
export function corsRules(server, { path }) {
  const headers = { origin: "https://elsewhere.example" };
  const polling = `${path}?EIO=4&transport=polling`;

  const assertAny = (answer) => {
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers.vary, undefined);
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
  };

  test("CORS: a handshake says *", async () => {
    assertAny(await request(server, polling, { headers }));
  });

  test("CORS: GET and POST of a session say *", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold({ headers });
    const posted = await session.post("1", headers);
    assert.equal(posted.status, 200);
    assertAny(posted);
    assertAny(await pending.answer());
  });

  test("CORS: an error says *, so that a page can read it", async () => {
    const answer = await request(server, `${path}?EIO=4&transport=foo`, { headers });
    assert.equal(answer.status, 400);
    assertAny(answer);
  });

  test("CORS: a 101 says *", async () => {
    const answer = await rawUpgrade(server, `${path}?EIO=4&transport=websocket`, { Origin: headers.origin });
    assert.equal(answer.status, 101);
    assertAny(answer);
  });

  test("CORS: a preflight is answered with 204, the methods and the headers asked for", async () => {
    const answer = await request(server, polling, {
      method: "OPTIONS",
      headers: {
        ...headers,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      },
    });
    assert.equal(answer.status, 204);
    assert.equal(answer.text, "");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
    assert.equal(answer.headers["access-control-allow-headers"], "content-type");
    assert.equal(answer.headers.vary, "Access-Control-Request-Headers");
  });
}
