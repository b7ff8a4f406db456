// Attacks that the page does not name: more of its classes, and several of them at once.

import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { request } from "../../conformance/support/http.mjs";
import { sleep } from "../../conformance/support/time.mjs";
import { exchange, head, Line } from "../support/line.mjs";
import { encode, Raw } from "../support/msgpack.mjs";
import { BINARY, CLOSE, CONTINUATION, frame, PATH, Peer, PING, repeated, TEXT, text, UPGRADE } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";
import { crowd } from "./load.mjs";

const HANDSHAKE = `${PATH}?EIO=4&transport=polling`;
const HOLE = '{"_placeholder":true,"num":0}';
const DEFLATE = [["Sec-WebSocket-Extensions", "permessage-deflate"]];
const X = (length) => "x".repeat(length);

/** Many `make()`s at once. */
const many = (count, make) => Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** The id of a new session, over a connection that is kept for more of them. */
async function sessions(stage, count, query = "", headers = []) {
  const lines = await many(10, () => stage.line());
  const ids = [];
  await Promise.all(lines.map(async (line) => {
    for (let n = 0; n < count / 10; n += 10) {
      line.write(head("GET", `${HANDSHAKE}${query}`, headers).repeat(10));
      for (let answer = 0; answer < 10; answer++) {
        const { text: body } = await line.response();
        ids.push(JSON.parse(body.slice(body.indexOf("{"), body.indexOf("}") + 1).replaceAll('\\"', '"')).sid);
      }
    }
  }));
  return ids;
}

const targetOf = (sid) => `${HANDSHAKE}&sid=${sid}`;

/** Reads packets of a polling session until one begins with `start`. */
async function hears(session, start) {
  for (;;) {
    const packet = await session.receive();
    if (packet.startsWith(start)) return packet;
    if (packet === "2") await session.send("3");
  }
}

// ---- HTTP ----------------------------------------------------------------------------------------------------

row("beyond: slow posts to sessions in many namespaces", { peak: 96 * MB }, async (stage) => {
  const all = await many(100, async () => {
    const session = await stage.pollingSocket();
    await session.send(...Array.from({ length: 50 }, (_, n) => `40/dyn/n${n},`));
    return session;
  });
  const lines = await many(all.length, () => stage.line());
  lines.forEach((line, n) => line.write(`${head("POST", all[n].target, [["Content-Length", "100000"]])}420["echo`));
  const timer = setInterval(() => lines.forEach((line) => line.write("x")), 100);
  await sleep(stage.size(2_500, 25_000));
  clearInterval(timer);
});

row("beyond: a session's requests pipelined by the thousand, answers unread", { peak: 48 * MB }, async (stage) => {
  const batch = Buffer.from(head("GET", HANDSHAKE).repeat(200));
  const sent = await many(5, async () => {
    const line = await stage.line({ reads: false });
    return line.flood(batch, 32 * MB, { patience: 700 });
  });
  assert.ok(Math.max(...sent) < 32 * MB, `${Math.max(...sent)} bytes of requests were taken whose answers nobody reads`);
  await sleep(stage.times.WRITE_TIMEOUT + 500);
});

row("beyond: gigantic cookies and queries on every handshake", { peak: 120 * MB, times: { PING_INTERVAL: 4_000 } }, async (stage) => {
  const before = stage.server.memory;
  const count = stage.size(2_000, 5_000);
  await sessions(stage, count, `&junk=${X(20_000)}`, [["Cookie", `a=${X(30_000)}`]]);
  const each = () => (stage.server.memory - before) / count;
  // What the heads took meanwhile is given back first, long before the sessions are.
  await stage.until(() => each() < 20 * 1024, () => `${each().toFixed(0)} bytes a session`, 3_000);
  stage.note(`${(each() / 1024).toFixed(1)} kB a session`);
  assert.equal((await request(stage.server, `${HANDSHAKE}`)).status, 200);
});

row("beyond: transfer codings and trailers without end", { peak: 16 * MB }, async (stage) => {
  const chunked = ["Transfer-Encoding: chunked"];
  const bodies = {
    "an extension without end": `1;${X(2_000_000)}`,
    "extensions on every chunk": `1;${X(100)}\r\n3\r\n`.repeat(20_000),
    "a size with a million zeros": `${"0".repeat(1_000_000)}1\r\n3\r\n0\r\n\r\n`,
    "trailers without end": `1\r\n3\r\n0\r\n${"X-Trailer: y\r\n".repeat(100_000)}`,
    "one trailer without end": `1\r\n3\r\n0\r\nX: ${X(2_000_000)}`,
    "white space": `1${" ".repeat(1_000_000)}\r\n3\r\n0\r\n\r\n`,
  };
  for (const [what, body] of Object.entries(bodies)) {
    const { target } = await stage.polling();
    const started = performance.now();
    const said = await exchange(stage.server, head("POST", target, chunked) + body, { limit: 4_000 });
    assert.ok(said.responses.length <= 1, `${what}: ${said.text.slice(0, 300)}`);
    // Zeros in front of a size, and white space behind it, are read for as long as they come, and kept nowhere.
    if (said.responses[0]) assert.ok([200, 400, 408, 413, 431].includes(said.responses[0].status), `${what}: ${said.responses[0].status}`);
    assert.ok(performance.now() - started < 5_000, `${what} was held`);
  }
});

row("beyond: bodies in chunks of one byte", { peak: 24 * MB }, async (stage) => {
  await many(10, async () => {
    const session = await stage.pollingSocket();
    const line = await stage.line();
    const packet = `420["echo","${X(30_000)}"]`;
    line.write(head("POST", session.target, ["Transfer-Encoding: chunked"]));
    line.write(`${[...packet].map((letter) => `1\r\n${letter}\r\n`).join("")}0\r\n\r\n`);
    assert.equal((await line.response()).status, 200);
    assert.equal((await hears(session, "430")).length, packet.length - 7);
  });
});

row("beyond: every kind of request that is none", {}, async (stage) => {
  const hello = Buffer.from("16030100a5010000a10303", "hex");
  const cases = {
    "a TLS hello": Buffer.concat([hello, Buffer.alloc(160)]),
    "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    "HTTP/0.9": "GET /socket.io/?EIO=4&transport=polling\r\n",
    "HTTP/3.0": "GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "zeros": Buffer.alloc(100_000),
    "new lines": "\r\n".repeat(200_000),
    "a proxy's CONNECT": "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "an absolute target": `GET http://evil.example${HANDSHAKE} HTTP/1.1\r\nHost: x\r\n\r\n`,
    "an asterisk": "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method without end": X(200_000),
    "a name with a zero": "GET / HTTP/1.1\r\nHost: x\r\nA\0B: c\r\n\r\n",
    "a value with a bare CR": "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "an address that is none": "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a target with a fragment": `GET ${HANDSHAKE}#x HTTP/1.1\r\nHost: x\r\n\r\n`,
    "bytes over 127 in the target": Buffer.from(`GET ${PATH}?EIO=4&transport=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n`, "latin1"),
  };
  for (const [what, bytes] of Object.entries(cases)) {
    const said = await exchange(stage.server, bytes, { limit: 4_000, silence: 100 });
    const status = said.responses[0]?.status;
    assert.ok(status === undefined ? said.ended || said.text === "" || what === "HTTP/0.9" : status < 500 || status === 505, `${what}: ${said.text.slice(0, 200)}`);
  }
});

row("beyond: connections that never say a word", { peak: 24 * MB }, async (stage) => {
  const started = performance.now();
  const lines = await many(stage.size(1_500, 5_000), () => stage.line());
  const limit = stage.times.KEEP_ALIVE;
  const ends = await Promise.all(lines.map((line) => line.ended));
  assert.ok(Math.max(...ends) - started < limit + 3_000, "an idle connection is held");
});

row("beyond: JSONP floods", { peak: 48 * MB }, async (stage) => {
  const ids = await sessions(stage, 100, "&j=0");
  const form = (body) => ({ method: "POST", body, headers: { "content-type": "application/x-www-form-urlencoded" } });
  const bodies = [
    `d=${encodeURIComponent('42["echo",1]\x1e').repeat(35_000)}`, `d=${"%34".repeat(330_000)}`, `d=40${"\\\\n".repeat(300_000)}`, `d=4${"\\n".repeat(400_000)}`,
    `${"d=3&".repeat(240_000)}`, `d=${"+".repeat(900_000)}`, `d=%`, `d=%zz`, `d=%ff`, `${"%64=3&".repeat(150_000)}`, `x=${X(900_000)}`, "=".repeat(900_000), "&".repeat(900_000),
  ];
  await crowd(ids.length, 10, async (n) => {
    const answer = await request(stage.server, `${targetOf(ids[n])}&j=0`, form(bodies[n % bodies.length]));
    assert.ok([200, 400].includes(answer.status), `${answer.status}`);
  });
  // What comes back is longer than what went in: quotes and separators are escaped twice.
  const session = (await sessions(stage, 10, "&j=7"))[0];
  const quotes = "\\\"".repeat(200_000);
  await request(stage.server, `${targetOf(session)}&j=7`, form(`d=${encodeURIComponent(`40\x1e420["echo","${quotes}\u2028"]`)}`));
  await request(stage.server, `${targetOf(session)}&j=7`).catch(() => {});
});

row("beyond: a hundred GETs for one session at once", { peak: 16 * MB }, async (stage) => {
  for (let round = 0; round < 5; round++) {
    const session = await stage.pollingSocket();
    const answers = await many(100, () => session.get({ limit: 8_000 }).catch((error) => ({ status: error.message })));
    assert.ok(answers.every(({ status }) => status === 200 || status === 400), JSON.stringify(answers.map(({ status }) => status)));
    await session.assertUnknown();
  }
});

row("beyond: poll answers that are never read", { peak: 200 * MB }, async (stage) => {
  const all = await many(20, () => stage.pollingSocket());
  await Promise.all(all.map(async (session) => {
    const line = await stage.line({ reads: false });
    line.write(head("GET", session.target));
    await session.post(`420["echo","${X(990_000)}"]`);
    for (let n = 0; n < 10; n++) {
      line.write(head("GET", session.target));
      const answer = await Promise.race([session.post(`42${n}["echo","${X(990_000)}"]`), sleep(500).then(() => undefined)]);
      if (answer?.status !== 200) break;
    }
  }));
  await sleep(stage.times.WRITE_TIMEOUT + 500);
});

row("beyond: poll answers that are never read, each on a connection of its own", { peak: 100 * MB }, async (stage) => {
  const session = await stage.pollingSocket();
  const before = stage.server.memory;
  let most = 0;
  let rounds = 0;
  // What the system has taken for its connections is not ours to count; the rest ends it, or the time for an answer.
  for (; rounds < 300; rounds++) {
    const answer = await session.post(`3\x1e420["echo","${X(990_000)}"]`);
    if (answer.status !== 200) break;
    const line = await stage.line({ reads: false });
    line.write(head("GET", session.target));
    await sleep(5);
    most = Math.max(most, stage.server.memory - before);
  }
  assert.ok(rounds >= 10, "others that read slowly are not");
  stage.note(`${rounds} answers, ${(most / MB).toFixed(0)} MB`);
  await sleep(stage.times.WRITE_TIMEOUT + 500);
});

// ---- SSE -----------------------------------------------------------------------------------------------------

/** A session whose stream of events is opened, and not read. */
async function unreadStream(stage) {
  const line = await stage.line();
  line.write(head("GET", `${PATH}?EIO=4&transport=sse`));
  const sid = await line.until((bytes) => bytes.toString("latin1").match(/"sid":"([^"]+)"/)?.[1], "the open packet of a stream");
  line.socket.pause();
  return { line, target: `${PATH}?EIO=4&transport=sse&sid=${sid}`, sid };
}

row("beyond: streams of events unread, and echoes asked for", { peak: 150 * MB, limit: 60 }, async (stage) => {
  const count = 20;
  const before = stage.server.memory;
  const body = `421["echo","${X(200_000)}"]`;
  let most = 0;
  await many(count, async () => {
    const { target } = await unreadStream(stage);
    await request(stage.server, target, { method: "POST", body: "40" });
    for (let n = 0; n < 200; n++) {
      const answer = await Promise.race([request(stage.server, target, { method: "POST", body }).catch(() => undefined), sleep(600).then(() => undefined)]);
      most = Math.max(most, stage.server.memory - before);
      if (answer?.status !== 200) break;
    }
  });
  stage.note(`${(most / count / MB).toFixed(1)} MB each`);
  assert.ok(most / count < 6 * MB, `${(most / count / MB).toFixed(1)} MB for each that does not read`);
});

row("beyond: streams opened over and over, and resumed with nonsense", { peak: 32 * MB }, async (stage) => {
  const { target, sid, line } = await unreadStream(stage);
  await request(stage.server, target, { method: "POST", body: "40" });
  const ids = [`${sid}.0`, `${sid}.999999`, `${sid}.-1`, `${sid}.18446744073709551616`, `${sid}.`, sid, ".", "", `${sid}.1e3`, X(20_000), "\xff", `${sid}.0, ${sid}.1`];
  for (const id of ids) {
    const other = await stage.line();
    other.write(head("GET", target, [["Last-Event-ID", id]]));
    const { status } = await other.until((bytes) => (bytes.includes("\r\n\r\n") ? { status: Number(bytes.toString("latin1", 9, 12)) } : undefined));
    assert.ok([200, 204, 400].includes(status), `${id.slice(0, 60)}: ${status}`);
    other.cut();
  }
  line.cut();
  await crowd(stage.size(400, 4_000), 20, async () => {
    const stream = await unreadStream(stage);
    const again = await stage.line();
    again.write(head("GET", stream.target, [["Last-Event-ID", `${stream.sid}.0`]]));
    await sleep(2);
    again.cut();
    stream.line.reset();
  });
});

row("beyond: a broadcast to streams and polls that nobody reads", { peak: 96 * MB }, async (stage) => {
  const streams = await many(30, () => unreadStream(stage));
  await Promise.all(streams.map(({ target }) => request(stage.server, target, { method: "POST", body: "40" })));
  await many(30, () => stage.pollingSocket());
  const sender = await stage.connected();
  sender.ignore();
  const flood = text(`42["broadcast","${X(100_000)}"]`);
  for (let n = 0; n < 250; n++) {
    const before = sender.counts.messages;
    await sender.raw(flood);
    while (sender.counts.messages === before) await sleep(1);
  }
  stage.note(`${(stage.server.peak / MB).toFixed(0)} MB for 60 that do not read 25 MB`);
});

// ---- upgrades ------------------------------------------------------------------------------------------------

row("beyond: upgrades half open by the hundred", { peak: 48 * MB }, async (stage) => {
  const ids = await sessions(stage, stage.size(600, 3_000));
  const started = performance.now();
  const peers = [];
  await crowd(ids.length, 50, async (n) => {
    const peer = await stage.peer({ query: `&sid=${ids[n]}` });
    peers.push(peer);
    if (n % 2) peer.send("2probe");
  });
  const ends = await Promise.all(peers.map((peer) => peer.close(stage.times.UPGRADE_TIMEOUT + stage.times.PING_INTERVAL + stage.times.PING_TIMEOUT + 3_000)));
  assert.ok(Math.max(...ends.map(({ at }) => at)) - started < stage.times.UPGRADE_TIMEOUT + 4_000, "a candidate is held");
});

row("beyond: hundreds of candidates for one session", { peak: 32 * MB }, async (stage) => {
  const session = await stage.pollingSocket();
  const { sid } = session;
  await crowd(stage.size(500, 3_000), 50, async (n) => {
    const peer = await Peer.open(stage.server, { query: `&sid=${sid}` }).catch(() => undefined);
    if (!peer) return;
    stage.open.push(peer);
    if (n % 3) peer.send("2probe");
    if (n % 7 === 0) peer.reset();
  });
  await session.send('420["echo",1]');
  await hears(session, "430[1]");
});

row("beyond: posts while the session moves, none lost and none twice", {}, async (stage) => {
  await many(10, async () => {
    const session = await stage.pollingSocket();
    const other = await stage.peer({ query: `&sid=${session.sid}` });
    let poll = session.get();
    other.send("2probe");
    assert.equal(await other.receive(), "3probe");
    const posts = [];
    for (let n = 0; n < 5; n++) posts.push((await session.post(`42["echo-not",${n}]\x1e42${n}["echo",${n}]`)).status);
    const last = session.post('425["echo",5]');
    other.send("5", '426["echo",6]');
    posts.push((await last.catch(() => ({ status: 400 }))).status);
    const heard = [];
    for (let got; poll; poll = got?.text?.includes("43") ? session.get() : undefined) {
      got = await Promise.race([poll.catch(() => undefined), sleep(300).then(() => undefined)]);
      heard.push(...(got?.text ?? "").split("\x1e"));
      if (got?.status !== 200) break;
    }
    while (!heard.includes("436[6]")) heard.push(await other.receive(2_000));
    await sleep(20);
    heard.push(...other.frames);
    const echoes = heard.filter((packet) => typeof packet === "string" && packet.startsWith("43"));
    const expected = posts.flatMap((status, n) => (status === 200 ? [`43${n}[${n}]`] : [])).concat("436[6]");
    for (const one of expected.slice(0, -1)) if (one !== "435[5]") assert.ok(echoes.includes(one), `${one} of ${posts} is lost: ${echoes}`);
    assert.equal(new Set(echoes).size, echoes.length, `something came twice: ${echoes}`);
  });
});

// ---- frames --------------------------------------------------------------------------------------------------

row("beyond: bombs in thousands of compressed fragments", { env: { PER_MESSAGE_DEFLATE: "1024" }, peak: 48 * MB }, async (stage) => {
  const bomb = deflateRawSync(Buffer.alloc(50 * MB), { level: 9 });
  await many(20, async (n) => {
    const peer = await stage.connected({ headers: DEFLATE });
    const size = n % 2 ? 7 : 64;
    const parts = [frame(BINARY, bomb.subarray(0, size), { fin: false, reserved: 4 })];
    for (let at = size; at < bomb.length && parts.length < 8_000; at += size) parts.push(frame(CONTINUATION, bomb.subarray(at, at + size), { fin: at + size >= bomb.length }), ...(parts.length % 100 === 0 ? [frame(PING)] : []));
    peer.raw(...parts, frame(CONTINUATION, "", { fin: true }));
    assert.ok([1007, 1008, 1009].includes((await peer.close(8_000)).code));
  });
  // Streams that are broken, empty, or end in the middle.
  for (const broken of [Buffer.from([0xff, 0xff, 0xff]), Buffer.alloc(0), Buffer.from([0x00]), bomb.subarray(0, 100), Buffer.from([1, 0xff, 0xff, 0, 0]), Buffer.alloc(10_000, 0x55)]) {
    const peer = await stage.connected({ headers: DEFLATE });
    peer.raw(frame(TEXT, broken, { reserved: 4 }));
    await peer.close(3_000);
  }
});

row("beyond: small on the wire, large inside, and back again", { env: { PER_MESSAGE_DEFLATE: "1024" }, peak: 96 * MB }, async (stage) => {
  const message = deflateRawSync(Buffer.from(`420["echo","${X(900_000)}"]`), { level: 9, finishFlush: 2 }).subarray(0, -4);
  const small = frame(TEXT, message, { reserved: 4 });
  const peers = await many(8, () => stage.connected({ headers: DEFLATE }));
  await Promise.all(peers.map(async (peer) => {
    peer.ignore();
    const before = peer.counts.messages;
    const count = stage.size(60, 600);
    for (let n = 0; n < count; n++) await peer.raw(small);
    await stage.until(() => peer.counts.messages - before >= count, () => "not all came back", 20_000);
  }));
  // And when nobody reads what comes back.
  const slow = await many(8, () => stage.connected({ headers: DEFLATE }));
  for (const peer of slow) peer.pause();
  await Promise.all(slow.map((peer) => peer.line.flood(Buffer.concat(Array(20).fill(small)), 2 * MB, { untilAnswered: false, patience: 500 })));
});

row("beyond: pings between fragments, unread", { peak: 32 * MB }, async (stage) => {
  const peers = await many(10, () => stage.connected());
  const pings = repeated(frame(PING, X(125)), 500);
  await Promise.all(peers.map(async (peer, n) => {
    if (n % 2) peer.pause();
    peer.raw(frame(TEXT, '421["echo","', { fin: false }));
    for (let round = 0; round < 40; round++) await Promise.race([peer.raw(pings, frame(CONTINUATION, "x", { fin: false })), sleep(200)]);
    peer.raw(frame(CONTINUATION, '"]'));
  }));
  assert.equal((await peers[0].expect("431")).length, 3 + 4 + 40);
});

row("beyond: large frames announced, and dripped by the thousand", { peak: 32 * MB }, async (stage) => {
  const peers = [];
  await crowd(stage.size(1_000, 5_000), 100, async () => peers.push(await stage.connected()));
  for (const [n, peer] of peers.entries()) peer.raw(frame(n % 2 ? BINARY : TEXT, X(10), { length: 1_000_000n }));
  for (let round = 0; round < 5; round++) {
    await sleep(100);
    for (const peer of peers) peer.raw(Buffer.from("x"));
  }
  stage.note(`${((stage.server.memory) / MB).toFixed(0)} MB with ${peers.length} of them`);
});

row("beyond: frames in segments of one byte", {}, async (stage) => {
  const peer = await stage.connected();
  const bytes = Buffer.concat([text('421["echo","é🦀"]'), frame(PING, "x"), frame(TEXT, '422["ec', { fin: false }), frame(CONTINUATION, 'ho",2]')]);
  for (const byte of bytes) {
    await peer.raw(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.equal(await peer.expect("431"), '431["é🦀"]');
  assert.equal(await peer.expect("432"), "432[2]");
});

row("beyond: data behind a close, and closes without end", {}, async (stage) => {
  const parts = [
    [frame(CLOSE, Buffer.from([3, 232])), text('421["echo",1]')], Array(2_000).fill(frame(CLOSE, Buffer.from([3, 232]))), [frame(CLOSE), repeated(text('42["broadcast",1]'), 5_000)],
    [text("41"), text('421["echo",1]')], [text("41"), text("40"), text("41"), text('421["echo",1]')], [text("41"), frame(CLOSE)],
  ];
  await Promise.all(parts.map(async (frames) => {
    const peer = await stage.connected();
    peer.raw(...frames);
    await peer.close(4_000);
    assert.ok(!peer.frames.some((message) => String(message).startsWith("431")), `answered behind its end: ${peer.frames}`);
  }));
});

// ---- packets -------------------------------------------------------------------------------------------------

row("beyond: connecting and disconnecting in 100 namespaces without end", { peak: 48 * MB }, async (stage) => {
  await many(4, async () => {
    const peer = await stage.connected();
    peer.ignore();
    const names = Array.from({ length: 90 }, (_, n) => `/dyn/n${n}`);
    const round = Buffer.concat(names.flatMap((name) => [text(`40${name},{"token":"${X(100)}"}`), text(`42${name},["join","a room"]`), text(`41${name},`)]));
    for (let n = 0; n < stage.size(60, 350); n++) await peer.raw(round);
    peer.ignores = false;
    assert.equal(await peer.echo(1), 1);
  });
});

row("beyond: attachments announced by a thousand connections, and never sent", { peak: 48 * MB }, async (stage) => {
  const peers = [];
  await crowd(1_000, 100, async () => peers.push(await stage.connected()));
  for (const peer of peers) peer.send(`4510-0["echo",${HOLE}]`, Buffer.alloc(100));
  const ends = await Promise.all(peers.map((peer) => peer.close(stage.times.ATTACHMENT_TIMEOUT + stage.times.PING_INTERVAL + stage.times.PING_TIMEOUT + 5_000)));
  assert.equal(ends.length, 1_000);
});

row("beyond: large auth in 99 namespaces of some connections", { peak: 160 * MB, limit: 60 }, async (stage) => {
  const auth = `{"token":"${X(900_000)}"}`;
  const before = stage.server.memory;
  const peers = await many(4, () => stage.connected());
  await Promise.all(peers.map(async (peer) => {
    peer.ignore();
    for (let n = 0; n < 99; n++) await peer.raw(text(`40/dyn/n${n},${auth}`));
    peer.ignores = false;
    await peer.echo();
  }));
  const each = (stage.server.memory - before) / peers.length;
  stage.note(`${(each / MB).toFixed(1)} MB a connection`);
  assert.ok(each < 20 * MB, `${(each / MB).toFixed(1)} MB are kept for each connection`);
});

row("beyond: acknowledgements guessed, repeated and of 64 bits", { application: "hardness" }, async (stage) => {
  const victim = await stage.connected({ greetings: 0 });
  victim.send('42["ask in vain",100]');
  const thief = await stage.connected({ greetings: 0 });
  await victim.expect('42');
  for (let id = 0; id < 20_000; id += 1_000) thief.send(...Array.from({ length: 1_000 }, (_, n) => `43${id + n}["stolen"]`));
  thief.send('43/middleware,0["x"]');
  assert.equal(await victim.expect('42["unanswered"'), '42["unanswered",100]');
  const peer = await stage.connected({ greetings: 0 });
  for (const id of ["18446744073709551615", "18446744073709551614", "9223372036854775808", "00000000000000000001"]) {
    peer.send(`42${id}["echo",1]`);
    const answer = await peer.receive();
    assert.ok(answer === `43${id}[1]` || answer === `43${BigInt(id)}[1]`, answer);
  }
});

row("beyond: questions that the peer keeps waiting, one behind the other", { peak: 48 * MB }, async (stage) => {
  const peers = await many(10, () => stage.connected());
  const flood = repeated(text('42["ask",1]'), 1_000);
  const sent = await Promise.all(peers.map((peer) => peer.line.flood(flood, 32 * MB, { untilAnswered: false, patience: 700 })));
  assert.ok(Math.max(...sent) < 32 * MB, "a lane grows without end");
});

row("beyond: a peer whose handlers are slow is pinged all the same", {}, async (stage) => {
  // Its lane is always full, so that it is stopped and let go on again and again.
  const peer = await stage.connected({ pongs: false });
  peer.raw(repeated(text('42["ask",1]'), 100_000));
  let last = performance.now();
  const patience = stage.times.PING_INTERVAL + stage.times.PING_TIMEOUT;
  for (let pings = 0; pings < 3; ) {
    const message = await peer.receive(patience + 1_000);
    if (message !== "2") continue;
    const now = performance.now();
    assert.ok(now - last < patience, `a ping came after ${(now - last).toFixed(0)} ms: an official client gives up after ${patience} ms`);
    last = now;
    pings++;
    peer.send("3");
  }
});

row("beyond: JSON that takes long to read", { peak: 80 * MB }, async (stage) => {
  const values = {
    "small arrays": `[${"[],".repeat(300_000)}0]`, "small objects": `[${"{},".repeat(300_000)}0]`, "one key over and over": `{${'"a":1,'.repeat(140_000)}"a":1}`,
    "many keys": `{${Array.from({ length: 80_000 }, (_, n) => `"k${n}":1`).join(",")}}`, "escapes": `"${"\\ud800".repeat(150_000)}"`, "digits": "9".repeat(900_000),
    "nulls": `[${"null,".repeat(180_000)}null]`, "white space": `[${" ".repeat(900_000)}]`, "strings": `[${'"",'.repeat(300_000)}""]`, "backslashes": `"${"\\\\".repeat(450_000)}"`,
  };
  for (const [what, value] of Object.entries(values)) {
    const peer = await stage.connected();
    const started = performance.now();
    peer.send(`421["echo",${value}]`);
    await Promise.race([peer.expect("431"), peer.close(5_000)]);
    const other = await stage.peer();
    await other.receive();
    other.send(`40{"a":${value}}`);
    await Promise.race([other.receive(5_000), other.close(5_000)]).catch(() => {});
    const took = performance.now() - started;
    assert.ok(took < 2_000, `${what} took ${took.toFixed(0)} ms`);
    peer.cut();
    other.cut();
  }
});

row("beyond: rooms of others, and a broadcast by everybody to everybody", { peak: 96 * MB, limit: 60 }, async (stage) => {
  const peers = await many(stage.size(60, 200), () => stage.connected());
  for (const peer of peers) {
    peer.ignore();
    peer.send(...peers.slice(0, 20).map(({ sid }) => `42["join","${sid}"]`));
  }
  // 60 peers, 20 events each, 60 hearers: 72,000 deliveries.
  await Promise.all(peers.map((peer) => peer.raw(repeated(text('42["broadcast","all of you"]'), 20))));
  await stage.until(() => peers.every((peer) => peer.counts.messages >= 20 * peers.length), () => "not all heard all", 20_000);
});

// ---- MessagePack ---------------------------------------------------------------------------------------------

row("beyond: MessagePack that lies of its length, depth and types", { env: { PARSER: "msgpack" }, format: "msgpack", peak: 48 * MB }, async (stage) => {
  const event = (data, id = 1) => encode({ type: 2, nsp: "/", id, data });
  const u32 = (tag, length) => { const bytes = Buffer.from([tag, 0, 0, 0, 0]); bytes.writeUInt32BE(length, 1); return new Raw(bytes); };
  const deep = (byte, depth, tail = []) => new Raw(Buffer.alloc(depth, byte), ...tail);
  const evil = {
    "an array of 4 billion": event(["echo", u32(0xdd, 0xffffffff)]), "a map of 4 billion": event(["echo", u32(0xdf, 0xffffffff)]), "text of 4 billion": event(["echo", u32(0xdb, 0xffffffff)]),
    "bytes of 4 billion": event(["echo", u32(0xc6, 0xffffffff)]), "an extension of 4 billion": event(["echo", u32(0xc9, 0xffffffff)]), "nested arrays": event(["echo", deep(0x91, 500_000, [[0xc0]])]),
    "nested maps": event(["echo", new Raw(Buffer.from("81a161".repeat(200_000), "hex"), Buffer.from([0xc0]))]), "arrays without end": event(["echo", deep(0x91, 900_000)]), "a type that is no type": event(["echo", new Raw([0xc1])]),
    "a packet that is no map": Buffer.from([0xc0]), "nothing": Buffer.alloc(0), "half a packet": event(["echo", "x"]).subarray(0, 10), "a packet and more": Buffer.concat([event(["echo"]), Buffer.from([0xc0])]),
    "a type of 7": encode({ type: 7, nsp: "/" }), "a type of text": encode({ type: "2", nsp: "/", data: ["echo"] }), "no type": encode({ nsp: "/", data: ["echo"] }), "no namespace": encode({ type: 2, data: ["echo"] }),
    "a namespace of bytes": encode({ type: 2, nsp: Buffer.from("/"), data: ["echo"] }), "data that is a map": encode({ type: 2, nsp: "/", data: { 0: "echo" } }), "an id below zero": encode({ type: 2, nsp: "/", data: ["echo"], id: new Raw([0xff]) }),
    "text that is not UTF-8": event(["echo", new Raw([0xa2, 0xff, 0xfe])]), "a map of maps as keys": event(["echo", new Raw([0x81, 0x80, 0xc0])]),
    "members without end": encode({ type: 2, nsp: "/", ...Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`m${n}`, n])), data: ["echo"], id: 1 }),
  };
  for (const [what, bytes] of Object.entries(evil)) {
    const peer = await stage.peer();
    await peer.receive();
    peer.send(encode({ type: 0, nsp: "/" }));
    await peer.receive();
    await peer.receive();
    peer.send(bytes);
    const went = await Promise.race([peer.close(3_000).then(() => "closed", (error) => error.message), peer.receive(3_000).then(() => "answered", () => "closed")]);
    assert.ok(["closed", "answered"].includes(went), `${what}: ${went}`);
    peer.cut();
  }
  const whole = await stage.peer();
  await whole.receive();
  whole.send('42["echo",1]', Buffer.from("x"));
  await whole.close(3_000);
});

row("beyond: MessagePack that grows as JSON, and is echoed", { env: { PARSER: "msgpack" }, format: "msgpack", peak: 200 * MB, final: 24 * MB, limit: 60 }, async (stage) => {
  const event = (value) => frame(BINARY, encode({ type: 2, nsp: "/", id: 1, data: ["echo", value] }));
  const array = (element, count) => new Raw((() => { const bytes = Buffer.from([0xdd, 0, 0, 0, 0]); bytes.writeUInt32BE(count, 1); return bytes; })(), Buffer.alloc(element.length * count, Buffer.from(element)));
  const floods = {
    "nulls": array([0xc0], 900_000), "falses": array([0xc2], 900_000), "empty texts": array([0xa0], 900_000), "empty bytes": array([0xc4, 0], 450_000), "doubles": array([0xcb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], 100_000),
    "control characters": new Raw([0xdb, 0, 0x0d, 0xbb, 0xa0], Buffer.alloc(900_000, 1)), "tiny extensions": array([0xd4, 5, 0], 300_000),
  };
  for (const [what, value] of Object.entries(floods)) {
    const peers = await many(4, async () => {
      const peer = await stage.peer();
      await peer.receive();
      peer.send(encode({ type: 0, nsp: "/" }));
      await peer.receive();
      await peer.receive();
      return peer;
    });
    const bytes = event(value);
    await Promise.all(peers.map(async (peer) => {
      for (let n = 0; n < 3; n++) peer.raw(bytes);
      const went = await Promise.race([peer.close(8_000).then(() => "closed"), (async () => { for (let n = 0; n < 3; n++) await peer.receive(8_000); return "answered"; })().catch(() => "closed")]);
      assert.ok(["closed", "answered"].includes(went), what);
      peer.cut();
    }));
  }
});

// ---- protocol 3 ----------------------------------------------------------------------------------------------

row("beyond: payloads of protocol 3 whose lengths lie", { peak: 32 * MB }, async (stage) => {
  const open = async () => {
    const answer = await request(stage.server, `${PATH}?EIO=3&transport=polling`);
    return `${PATH}?EIO=3&transport=polling&sid=${answer.text.match(/"sid":"([^"]+)"/)[1]}`;
  };
  const bodies = [
    "99999999999999999999:4", "-1:4", "1e9:4", `${"9".repeat(900_000)}:4`, "0:".repeat(400_000), "1:".repeat(10), ":", ":::", "4294967296:4x", "1:3".repeat(300_000), `5:42["x`, "2:😀", "1:€1:€", `${"1".repeat(900_000)}`,
  ];
  for (const body of bodies) {
    const answer = await request(stage.server, await open(), { method: "POST", body });
    assert.ok([200, 400].includes(answer.status), `${body.slice(0, 30)}: ${answer.status}`);
  }
  const binary = [
    Buffer.concat([Buffer.from([0]), Buffer.alloc(900_000, 9)]), Buffer.from([0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0xff, 0x34]), Buffer.from([1, 0xff]), Buffer.alloc(900_000, 0xff), Buffer.from([2, 1, 0xff, 0x34]), Buffer.alloc(900_000),
    Buffer.alloc(900_000, Buffer.from([0, 1, 0xff, 0x33])), Buffer.alloc(900_000, Buffer.from([0, 0, 0xff])),
  ];
  for (const body of binary) {
    const answer = await request(stage.server, await open(), { method: "POST", body, headers: { "content-type": "application/octet-stream" } });
    assert.ok([200, 400].includes(answer.status), `${body.subarray(0, 8).toString("hex")}: ${answer.status}`);
  }
  // Its clients ping: as often as they like, and nobody reads the pongs.
  const peers = await many(5, async () => {
    const line = await stage.line();
    line.write(head("GET", `${PATH}?EIO=3&transport=websocket`, UPGRADE));
    await line.until((bytes) => bytes.includes("sid") || undefined);
    line.socket.pause();
    return line;
  });
  await Promise.all(peers.map((line) => line.flood(repeated(text("2"), 20_000), 8 * MB, { untilAnswered: false, patience: 500 })));
});

// ---- several at once -----------------------------------------------------------------------------------------

row("beyond: resets in the middle of everything", { peak: 64 * MB }, async (stage) => {
  const big = text(`42["broadcast","${X(200_000)}"]`);
  await crowd(stage.size(600, 6_000), 40, async (n) => {
    switch (n % 6) {
      case 0: {
        const peer = await Peer.connected(stage.server);
        peer.raw(big.subarray(0, 100_000));
        await sleep(1);
        peer.reset();
        return;
      }
      case 1: {
        const peer = await Peer.connected(stage.server);
        peer.pause();
        peer.raw(repeated(text(`421["echo","${X(5_000)}"]`), 20));
        await sleep(1);
        peer.reset();
        return;
      }
      case 2: {
        const session = await stage.pollingSocket();
        const line = await Line.open(stage.server);
        line.write(head("POST", session.target, ["Content-Length: 1000"]) + X(500));
        await sleep(1);
        line.reset();
        return;
      }
      case 3: {
        const session = await stage.pollingSocket();
        const line = await Line.open(stage.server);
        line.write(head("GET", session.target));
        await sleep(1);
        line.reset();
        return;
      }
      case 4: {
        const session = await stage.polling();
        const peer = await Peer.open(stage.server, { query: `&sid=${session.sid}` });
        peer.send("2probe");
        await sleep(1);
        peer.reset();
        return;
      }
      default: {
        const peer = await Peer.connected(stage.server);
        peer.send(`451-0["echo",${HOLE}]`);
        peer.raw(frame(BINARY, X(100), { fin: false }));
        await sleep(1);
        peer.reset();
      }
    }
  });
});

row("beyond: slow readers whose events may be dropped", { application: "hardness", times: { PING_INTERVAL: 10_000, PING_TIMEOUT: 10_000 }, peak: 96 * MB, final: 16 * MB, limit: 60 }, async (stage) => {
  const quick = { greetings: 0 };
  const [sender, hearer] = await many(2, () => stage.connected(quick));
  const slow = await many(20, () => stage.connected(quick));
  for (const [n, peer] of slow.entries()) await peer.ask("when slow", n % 2 ? "drop oldest" : "keep latest");
  for (const peer of slow) peer.pause();
  for (const peer of [sender, hearer]) peer.ignore();
  const count = stage.size(1_000, 10_000);
  const padding = X(50_000);
  const heard = hearer.counts.messages;
  for (let n = 0; n < count; n++) {
    await sender.raw(text(`42["broadcast",${n},"${padding}"]`));
    // No faster than who reads.
    while (hearer.counts.messages - heard < n - 20) await sleep(1);
  }
  await stage.until(() => hearer.counts.messages - heard >= count, () => "who reads did not hear all");
  // Nobody was closed. Those that read again hear what is left, in order, and the last of it.
  await many(slow.length, async (n) => {
    const peer = slow[n];
    peer.resume();
    const came = [];
    while (came.at(-1) !== count - 1) {
      const message = await peer.expect('42["broadcast",');
      came.push(Number(message.slice('42["broadcast",'.length, message.indexOf(",", 16))));
    }
    assert.ok(came.every((number, at) => at === 0 || number > came[at - 1]), `${came}`);
    assert.ok(came.length < count, "nothing was dropped");
    assert.equal(await peer.echo(n), n);
  });
});

row("beyond: all at once", { peak: 200 * MB, final: 24 * MB, limit: 60, env: { PER_MESSAGE_DEFLATE: "1024" } }, async (stage) => {
  const bomb = frame(BINARY, deflateRawSync(Buffer.alloc(20 * MB)), { reserved: 4 });
  const until = performance.now() + stage.size(4_000, 60_000);
  const over = () => performance.now() > until;
  const loop = async (work) => { while (!over()) await work().catch(() => sleep(10)); };
  const cleared = async (count) => {
    // Whoever was opened long ago goes.
    for (const one of stage.open.splice(0, Math.max(0, stage.open.length - count))) one.cut();
  };
  await Promise.all([
    loop(async () => { (await stage.line()).write("GET / HTTP/1.1\r\nX: "); await cleared(1_000); await sleep(2); }),
    // Fewer than the unjoined ones that a process admits: beyond them, newcomers are refused as they should be.
    loop(async () => { await sessions(stage, 100); await sleep(stage.size(20, 200)); }),
    loop(async () => { (await stage.connected({ headers: DEFLATE })).raw(bomb); await sleep(20); }),
    loop(async () => { const peer = await stage.connected(); peer.pause(); await peer.line.flood(repeated(frame(PING, X(125)), 500), MB, { untilAnswered: false, patience: 50 }); }),
    loop(async () => { const peer = await stage.connected(); peer.send('42["broadcast","x"]', `42["echo",${"[".repeat(100_000)}`); await sleep(5); }),
    loop(async () => { const session = await stage.pollingSocket(); await session.post(Array(5_000).fill('42["echo",1]').join("\x1e")); }),
    loop(async () => { const session = await stage.polling(); const peer = await stage.peer({ query: `&sid=${session.sid}` }); peer.send("2probe"); await sleep(5); peer.reset(); }),
    loop(async () => { await unreadStream(stage); await sleep(10); }),
  ]);
});
