// Attacks by HTTP: heads, bodies, and requests that are not what they seem.

import assert from "node:assert/strict";
import { request } from "../../conformance/support/http.mjs";
import { sleep } from "../../conformance/support/time.mjs";
import { exchange, head } from "../support/line.mjs";
import { PATH, UPGRADE } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";

const HANDSHAKE = `${PATH}?EIO=4&transport=polling`;
/** A request that is answered at once. */
const QUICK = head("GET", HANDSHAKE);
const statuses = ({ responses }) => responses.map(({ status }) => status);

/** Drips one byte at an interval until the connection is cut; gives how long that took from its first byte. */
async function drip(line, first, every) {
  const started = performance.now();
  await line.write(first);
  const timer = setInterval(() => line.write("a"), every);
  try {
    return (await line.ended) - started;
  } finally {
    clearInterval(timer);
  }
}

row("http: slowloris headers", { longPeak: 128 * MB }, async (stage) => {
  const limit = stage.times.HEAD_TIMEOUT;
  const lines = await Promise.all(Array.from({ length: stage.size(500, 5_000) }, () => stage.line()));
  const took = await Promise.all(lines.map((line) => drip(line, "GET /socket.io/?EIO=4 HTTP/1.1\r\nHost: x\r\nX-Slow: ", stage.size(100, 1_000))));
  assert.ok(Math.min(...took) >= limit - 100, `a head was cut after ${Math.min(...took)} ms`);
  assert.ok(Math.max(...took) <= limit + 3_000, `a head was cut after ${Math.max(...took)} ms`);
  assert.ok(lines.every((line) => line.total === 0 || line.received.includes(" 408 ")), "a cut head was answered");
});

row("http: slow headers are cut", {}, async (stage) => {
  const limit = stage.times.HEAD_TIMEOUT;
  const starts = ["G", "GET ", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHost: x\r\nCookie: "];
  // The second head of a connection, too.
  const lines = await Promise.all(starts.concat(QUICK).map(() => stage.line()));
  const later = lines.at(-1);
  later.write(QUICK);
  await later.response();
  const took = await Promise.all(lines.map((line, place) => drip(line, starts[place] ?? "GET ", stage.size(100, 1_000))));
  for (const time of took) assert.ok(time >= limit - 100 && time <= limit + 1_500, `a head was cut after ${time} ms`);
});

row("http: huge content length", { peak: 8 * MB }, async (stage) => {
  const lengths = ["1000000000000", "9223372036854775807", "18446744073709551615", "18446744073709551616", "99999999999999999999999999"];
  for (const length of lengths) {
    const session = await stage.polling();
    const said = await exchange(stage.server, head("POST", session.target, [["Content-Length", length]]));
    // hyper calls a length that it cannot count a head too large.
    assert.ok(said.responses.length === 0 ? said.ended : [400, 413, 431].includes(said.responses[0].status), `${length}: ${statuses(said)}`);
  }
  // Nothing is reserved for a thousand of them either.
  const session = await stage.polling();
  const lines = await Promise.all(Array.from({ length: 500 }, () => stage.line()));
  for (const line of lines) line.write(head("POST", session.target, [["Content-Length", "999999"]]));
  await sleep(200);
});

row("http: post over max payload", { peak: 24 * MB }, async (stage) => {
  const session = await stage.pollingSocket();
  const announced = await exchange(stage.server, head("POST", session.target, [["Content-Length", "1000001"]]));
  assert.deepEqual(statuses(announced), [413]);
  await session.send('420["echo",1]');
  assert.equal(await session.receive(), "430[1]");
  // A body that grows as it comes: not read to its end.
  const line = await stage.line();
  line.write(head("POST", session.target, [["Transfer-Encoding", "chunked"]]));
  const chunk = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(0x10000, "4"), Buffer.from("\r\n")]);
  const sent = await line.flood(chunk, 64 * MB);
  assert.equal((await line.response()).status, 413);
  assert.ok(sent < 32 * MB, `${sent} bytes were taken`);
  await session.send('421["echo",2]');
  assert.equal(await session.receive(), "431[2]");
});

row("http: bad chunk size", {}, async (stage) => {
  for (const size of ["zz", "-1", "0x5", "ffffffffffffffff", "fffffffffffffffff", "10000000000000000", "5 5", " 5", "+5"]) {
    const session = await stage.polling();
    const said = await exchange(stage.server, `${head("POST", session.target, [["Transfer-Encoding", "chunked"]])}${size}\r\n3\x1e3\x1e3\r\n0\r\n\r\n`);
    // A size of 64 bits is none that is malformed, and what it announces does not come.
    const right = /^f{16}$/.test(size) ? [400, 408, 413] : [400];
    assert.ok(said.responses.length === 0 ? said.ended : right.includes(said.responses[0].status), `${size}: ${statuses(said)}`);
    assert.ok(said.responses.length <= 1, `${size}: what stood behind was read as a request: ${said.text}`);
  }
});

row("http: smuggling cl and te", {}, async (stage) => {
  const hidden = head("GET", HANDSHAKE);
  const cases = [
    [["Content-Length: 4", "Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`],
    [["Transfer-Encoding: chunked", "Content-Length: 4"], `0\r\n\r\n${hidden}`],
    [["Content-Length: 0", `Content-Length: ${hidden.length}`], hidden],
    [[`Content-Length: 0, ${hidden.length}`], hidden],
    [["Content-Length: +0"], hidden],
    [["Transfer-Encoding: xchunked"], `0\r\n\r\n${hidden}`],
    [["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${hidden}`],
    [["Transfer-Encoding: identity, chunked", "Content-Length: 0"], `0\r\n\r\n${hidden}`],
    [["Transfer-Encoding: \x0bchunked"], `0\r\n\r\n${hidden}`],
    [["Transfer-Encoding : chunked"], `0\r\n\r\n${hidden}`],
    [["X: y\r\n Transfer-Encoding: chunked"], `0\r\n\r\n${hidden}`],
    [["Transfer-Encoding: chunked"], `0\n\n${hidden}`],
    [["Transfer-Encoding: chunked"], `0;\n\r\n\r\n${hidden}`],
  ];
  for (const [headers, body] of cases) {
    const session = await stage.polling();
    const said = await exchange(stage.server, head("POST", session.target, headers) + body);
    assert.ok(said.responses.length > 0 || said.ended, `${headers}: nothing came`);
    if (said.responses.length <= 1) {
      // Refused, or given up; and never both answered and held open with a message in doubt.
      const [first] = said.responses;
      assert.ok(!first || [400, 408, 413, 501].includes(first.status) || first.status === 200, `${headers}: ${statuses(said)}`);
      continue;
    }
    // Only where the message's end is beyond doubt may what follows be a request: transfer coding wins, and the connection closes.
    assert.fail(`${headers}: what stood behind was read as a request: ${said.text}`);
  }
});

row("http: post invalid utf8 strict", {}, async (stage) => {
  for (const bytes of [[0x34, 0xff], [0x34, 0xc0, 0x80], [0x34, 0xed, 0xa0, 0x80], [0x34, 0xf4, 0x90, 0x80, 0x80], [0x34, 0xe2, 0x82]]) {
    const session = await stage.pollingSocket();
    const answer = await session.post(Buffer.from(bytes));
    assert.equal(answer.status, 400);
    await session.assertUnknown();
  }
});

row("http: invalid base64 packet", {}, async (stage) => {
  const hole = '451-0["echo",{"_placeholder":true,"num":0}]';
  for (const [text, bytes] of [["bAQID", "AQID"], ["bAQI", "AQI="], ["b-_8=", "+/8="], ["b+/8", "+/8="], ["b", ""]]) {
    const session = await stage.pollingSocket();
    await session.send(hole, text);
    const [answer, attachment] = await session.receiveAll(2);
    assert.equal(answer, '461-0[{"_placeholder":true,"num":0}]');
    assert.equal(attachment, `b${bytes}`, text);
  }
  for (const text of ["bA", "bAQ=I", "b!!!!", "bAQID\n", "bAQ ID", "b====", "bAQIDA", "bé"]) {
    const session = await stage.pollingSocket();
    const answer = await session.post(`${hole}\x1e${text}`);
    if (text === "bAQIDA" && answer.status === 200) continue; // six letters without padding are four bytes
    assert.ok([200, 400].includes(answer.status), `${text}: ${answer.status}`);
    await session.assertUnknown();
  }
});

row("http: double post", {}, async (stage) => {
  const session = await stage.pollingSocket();
  const line = await stage.line();
  line.write(`${head("POST", session.target, [["Content-Length", "10"]])}420`);
  await sleep(100);
  assert.equal((await session.post("3")).status, 400);
  await session.assertUnknown();
  await line.rest(3_000);
  assert.ok(!line.received.includes(" 200 "), "the first POST was taken");
});

row("http: separator flood", { peak: 16 * MB }, async (stage) => {
  for (const body of ["\x1e".repeat(999_999), `3${"\x1e".repeat(999_998)}`, "3\x1e".repeat(499_999)]) {
    const session = await stage.pollingSocket();
    const answer = await session.post(body);
    assert.ok([200, 400].includes(answer.status));
    await session.assertUnknown();
  }
});

row("http: event flood in payload", { peak: 96 * MB }, async (stage) => {
  const body = Array(45_000).fill('42["echo",1]').join("\x1e");
  assert.ok(body.length < 1_000_000);
  let best = Infinity;
  // A busy machine may spoil a round.
  for (let round = 0; round < 6 && best > 100; round++) {
    await sleep(50 * round);
    const sessions = await Promise.all(Array.from({ length: 4 }, () => stage.pollingSocket()));
    await stage.canary.reset();
    await Promise.all(sessions.map(async (session) => assert.equal((await session.post(body)).status, 200)));
    best = Math.min(best, (await stage.canary.look()).worst);
  }
  assert.ok(best <= 100, `the canary waited ${best.toFixed(0)} ms at best`);
});

row("http: odd query params", {}, async (stage) => {
  const { sid } = await stage.polling();
  const queries = [
    "", "?", "?EIO=4", "?transport=polling", "?EIO[]=4&transport=polling", "?EIO=4&transport[]=polling", "?EIO=4&transport=__proto__", "?EIO=4&transport=constructor",
    "?EIO=4&transport=polling&sid[]=x", "?EIO=4&transport=polling&sid=%00", `?EIO=4&transport=polling&sid=${"x".repeat(5_000)}`, "?EIO=4&transport=polling&sid=../../etc/passwd",
    "?EIO=4&transport=%ff%fe", "?EIO=%", "?EIO=4&transport=%zz", "?EIO=4&&&&transport==polling", "?EIO=99999999999999999999&transport=polling", "?EIO=-1&transport=polling",
    "?EIO=4&transport=toString", "?EIO=4&transport=websockets", "?EIO=4&transport=webtransport", "?EIO=4&transport=polling&sid=hasOwnProperty",
    `?EIO=3&transport=polling&sid=${sid}`, `?EIO=4&transport=pollingpolling&sid=${sid}`, `?${"a&".repeat(5_000)}`,
  ];
  for (const query of queries) {
    for (const extra of [[], UPGRADE]) {
      const said = await exchange(stage.server, head("GET", `${PATH}${query}`, extra), { silence: 100 });
      const status = said.responses[0]?.status;
      // Protocol 3 is served, and what is not 4 is 3.
      const allowed = /EIO=(?:99|-1|%)/.test(query) || query === "?transport=polling" || /\[\]|^\?EIO=4&transport=polling&sid=$/.test(query) ? [200, 400, 101] : [400];
      assert.ok(allowed.includes(status), `${query} ${extra.length ? "as an upgrade" : ""}: ${status ?? said.text}`);
    }
  }
  for (const odd of ["t=%00", "j=%ff", "j=-1", "j=1e9", `j=${"9".repeat(2_000)}`, "b64=%00", "wait=-1", "wait=1e99", "wait=NaN", "cid=%00", "t[]=1&t[]=2", "__proto__[x]=1"]) {
    const answer = await request(stage.server, `${HANDSHAKE}&${odd}`);
    assert.ok([200, 400].includes(answer.status), `${odd}: ${answer.status}`);
  }
});

row("http: upgrade header on polling", {}, async (stage) => {
  const session = await stage.pollingSocket();
  for (const target of [HANDSHAKE, session.target, `${PATH}?EIO=4&transport=sse`, `${PATH}?EIO=3&transport=polling`]) {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const said = await exchange(stage.server, head(method, target, [...UPGRADE, "Content-Length: 0"]), { silence: 100 });
      const status = said.responses[0]?.status;
      assert.ok(status === undefined ? said.ended : status >= 200 && status < 500, `${method} ${target}: ${status}`);
    }
  }
  for (const protocol of ["h2c", "websocket, h2c", "TLS/1.0", "", "x".repeat(4_000)]) {
    const said = await exchange(stage.server, head("GET", session.target, ["Connection: Upgrade, HTTP2-Settings", `Upgrade: ${protocol}`, "HTTP2-Settings: AAMAAABkAAQAAP__"]), { silence: 100 });
    assert.ok(said.responses[0]?.status !== 101, protocol);
  }
});

row("http: bad ws handshakes", {}, async (stage) => {
  const target = `${PATH}?EIO=4&transport=websocket`;
  const without = (name) => UPGRADE.filter(([field]) => field !== name);
  const changed = (name, value) => UPGRADE.map((field) => (field[0] === name ? [name, value] : field));
  const cases = {
    "no key": without("Sec-WebSocket-Key"),
    "an empty key": changed("Sec-WebSocket-Key", ""),
    "a short key": changed("Sec-WebSocket-Key", "AAAA"),
    "a key that is no base64": changed("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!=="),
    "two keys": [...UPGRADE, ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="]],
    "no version": without("Sec-WebSocket-Version"),
    "version 8": changed("Sec-WebSocket-Version", "8"),
    "version 14": changed("Sec-WebSocket-Version", "14"),
    "no version at all": changed("Sec-WebSocket-Version", "thirteen"),
    "another protocol": changed("Upgrade", "h2c"),
    "no upgrade": without("Upgrade"),
    "no connection": without("Connection"),
    "a connection that is kept": changed("Connection", "keep-alive"),
  };
  for (const [what, headers] of Object.entries(cases)) {
    const said = await exchange(stage.server, head("GET", target, headers), { silence: 100 });
    assert.ok([400, 426].includes(said.responses[0]?.status), `${what}: ${said.text}`);
  }
  for (const first of [`POST ${target} HTTP/1.1`, `HEAD ${target} HTTP/1.1`, `GET ${target} HTTP/1.0`]) {
    const lines = UPGRADE.map((field) => field.join(": "));
    const said = await exchange(stage.server, `${first}\r\nHost: x\r\n${lines.join("\r\n")}\r\n\r\n`, { silence: 100 });
    assert.ok(said.text.length > 0 && !said.text.startsWith("HTTP/1.1 101") && !said.text.startsWith("HTTP/1.0 101"), `${first}: ${said.text}`);
  }
});

row("http: ws protocol redos", {}, async (stage) => {
  const target = `${PATH}?EIO=4&transport=websocket`;
  const long = 60_000;
  const evil = [
    ["Sec-WebSocket-Protocol", `x${" ".repeat(long)}x`],
    ["Sec-WebSocket-Protocol", ",".repeat(long)],
    ["Sec-WebSocket-Protocol", "a ,".repeat(long / 3)],
    ["Sec-WebSocket-Extensions", `permessage-deflate; ${"a=".repeat(long / 2)}`],
    ["Sec-WebSocket-Extensions", `x; y="${"\\".repeat(long)}`],
    ["Sec-WebSocket-Extensions", "permessage-deflate,".repeat(long / 19)],
    ["Sec-WebSocket-Extensions", `permessage-deflate${"; client_max_window_bits".repeat(long / 24)}`],
    ["Connection", `Upgrade${", x".repeat(long / 3)}`],
    ["Cookie", "a=b; ".repeat(long / 5)],
    ["Accept-Encoding", "gzip;q=0.".repeat(long / 9)],
    ["X-Forwarded-For", "1,".repeat(long / 2)],
  ];
  for (const field of evil) {
    for (const wire of [target, HANDSHAKE]) {
      const line = await stage.line();
      const started = performance.now();
      line.write(head("GET", wire, [...(wire === target ? UPGRADE.filter(([name]) => name !== field[0]) : []), field]));
      await line.until((bytes) => (bytes.includes("\r\n\r\n") ? true : line.finished ? true : undefined)).catch((error) => { if (!line.finished) throw error; });
      const took = performance.now() - started;
      assert.ok(took < 1_000, `${field[0]} took ${took.toFixed(0)} ms`);
      line.cut();
    }
  }
});

row("http: oversized head", { peak: 24 * MB }, async (stage) => {
  const sizes = { "one field": [["X-Long", "x".repeat(70_000)]], "many fields": Array.from({ length: 90 }, (_, n) => [`X-${n}`, "y".repeat(900)]), "a cookie": [["Cookie", "c".repeat(66_000)]] };
  for (const [what, headers] of Object.entries(sizes)) {
    const said = await exchange(stage.server, head("GET", HANDSHAKE, headers));
    assert.deepEqual(statuses(said), [431], what);
  }
  const target = await exchange(stage.server, head("GET", `${HANDSHAKE}&x=${"z".repeat(70_000)}`));
  assert.ok([414, 431, 400].includes(target.responses[0]?.status), target.text);
  // One that never ends: not read on.
  const line = await stage.line();
  line.write("GET / HTTP/1.1\r\nX: ");
  const sent = await line.flood(Buffer.alloc(65_536, "x"), 64 * MB);
  assert.ok(sent < 16 * MB, `${sent} bytes of a head were taken`);
  // A hundred thousand fields.
  const fields = await exchange(stage.server, head("GET", HANDSHAKE, Array(12_000).fill("a:b")));
  assert.deepEqual(statuses(fields), [431]);
});

row("http: pipelined requests", {}, async (stage) => {
  const wanted = [];
  let bytes = "";
  for (let n = 0; n < 100; n++) {
    const [target, status] = n % 3 === 0 ? ["/elsewhere", 404] : n % 3 === 1 ? [HANDSHAKE, 200] : [`${HANDSHAKE}&sid=none${n}`, 400];
    bytes += head("GET", target);
    wanted.push(status);
  }
  const line = await stage.line();
  line.write(bytes);
  for (const status of wanted) assert.equal((await line.response()).status, status);
  // A poll that is held holds what stands behind it, and no longer.
  const session = await stage.pollingSocket();
  const held = await stage.line();
  held.write(head("GET", session.target) + head("GET", "/elsewhere"));
  await sleep(100);
  assert.equal(held.total, 0, "an answer overtook another");
  await session.send('420["echo",1]');
  assert.equal((await held.response()).text, "430[1]");
  assert.equal((await held.response()).status, 404);
});

row("http: expect continue huge", { peak: 8 * MB }, async (stage) => {
  const session = await stage.pollingSocket();
  const said = await exchange(stage.server, head("POST", session.target, ["Expect: 100-continue", "Content-Length: 1000000000"]));
  assert.ok([413, 417].includes(said.responses[0]?.status), said.text);
  assert.ok(!said.text.includes("100 Continue"), said.text);
  // Of who may continue and then says nothing no session is held longer than a body may take.
  const line = await stage.line();
  line.write(head("POST", session.target, ["Expect: 100-continue", "Content-Length: 10"]));
  await line.rest(stage.times.BODY_TIMEOUT + stage.times.KEEP_ALIVE + 5_000);
});

row("http: cors with credentials", { application: "hardness", env: { CORS: "credentials" } }, async (stage) => {
  for (const origin of ["https://evil.example", "null", "*", "https://a.example, https://b.example"]) {
    for (const method of ["GET", "OPTIONS", "POST"]) {
      const answer = await request(stage.server, HANDSHAKE, { method, headers: { origin, "access-control-request-method": "POST" } });
      assert.ok(!(answer.headers["access-control-allow-origin"] === "*" && answer.headers["access-control-allow-credentials"]), `${method} from ${origin}`);
      assert.ok(!/[\r\n]/.test(answer.headers["access-control-allow-origin"] ?? ""));
    }
  }
  const { Target } = await import("../support/target.mjs");
  const plain = new Target("hardness");
  try {
    await plain.start();
    const answer = await request(plain, HANDSHAKE, { headers: { origin: "https://evil.example" } });
    const fields = Object.keys(answer.headers).filter((name) => name.startsWith("access-control"));
    assert.deepEqual(fields, [], "nobody asked for CORS");
  } finally {
    await plain.stop();
  }
});

row("http: handshake flood", { peak: 400 * MB }, async (stage) => {
  const count = stage.size(8_000, 50_000);
  const before = stage.server.memory;
  const started = performance.now();
  const batch = QUICK.repeat(100);
  const lines = await Promise.all(Array.from({ length: 10 }, () => stage.line()));
  let most = 0;
  await Promise.all(lines.map(async (line) => {
    for (let sent = 0; sent < count / 10; sent += 100) {
      line.write(batch);
      for (let n = 0; n < 100; n++) assert.equal((await line.response()).status, 200);
      most = Math.max(most, stage.server.memory);
    }
  }));
  const took = performance.now() - started;
  // Those that time out while others come would make it look cheaper than it is.
  const share = Math.min(1, (stage.times.PING_INTERVAL + stage.times.PING_TIMEOUT) / took);
  const each = (most - before) / (count * share);
  assert.ok(each < 20 * 1024, `a session that nobody claims takes ${each.toFixed(0)} bytes`);
  stage.note(`${(each / 1024).toFixed(1)} kB a session`);
});

