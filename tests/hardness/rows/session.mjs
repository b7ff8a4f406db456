// Attacks on sessions: ids, upgrades, heartbeats.

import assert from "node:assert/strict";
import { request } from "../../conformance/support/http.mjs";
import { sleep } from "../../conformance/support/time.mjs";
import { exchange, head } from "../support/line.mjs";
import { PATH, repeated, text, UPGRADE } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";

const HANDSHAKE = `${PATH}?EIO=4&transport=polling`;
const candidate = (sid) => ({ query: `&sid=${sid}` });

row("session: sid guessing", { peak: 64 * MB }, async (stage) => {
  const count = 4_000;
  const line = await stage.line();
  const ids = [];
  for (let n = 0; n < count; n += 200) {
    line.write(head("GET", HANDSHAKE).repeat(200));
    for (let answer = 0; answer < 200; answer++) ids.push(JSON.parse((await line.response()).text.slice(1)).sid);
  }
  assert.equal(new Set(ids).size, count);
  const bits = ids.map((id) => {
    assert.match(id, /^[A-Za-z0-9_-]{20}$/);
    return Buffer.from(id, "base64url");
  });
  // Each of at least 96 bits is one half of the time, and differs from the id before half of the time: five sigma.
  const sigma = 5 * Math.sqrt(count) / 2;
  let fair = 0;
  for (let bit = 0; bit < 120; bit++) {
    const at = (bytes) => (bytes[bit >> 3] >> (bit & 7)) & 1;
    const ones = bits.reduce((sum, bytes) => sum + at(bytes), 0);
    const changes = bits.slice(1).reduce((sum, bytes, n) => sum + (at(bytes) ^ at(bits[n])), 0);
    if (Math.abs(ones - count / 2) < sigma && Math.abs(changes - count / 2) < sigma) fair++;
  }
  assert.ok(fair >= 96, `only ${fair} bits look random`);
  // Socket ids do not tell of it.
  const peer = await stage.connected();
  assert.notEqual(peer.sid, peer.session.sid);
  // Guesses are refused, all in the same way.
  const endings = Array.from({ length: 500 }, (_, n) => n.toString(36).padStart(2, "A"));
  // One in eight times the id itself is among them.
  const guesses = endings.map((ending) => ids[0].slice(0, 18) + ending).filter((guess) => guess !== ids[0]);
  const guesser = await stage.line();
  guesser.write(guesses.map((guess) => head("GET", `${HANDSHAKE}&sid=${guess}`)).join(""));
  for (const guess of guesses) assert.equal((await guesser.response()).status, 400, `${guess}, where ${ids[0]} is right`);
});

row("session: sid used on other transport", {}, async (stage) => {
  const victim = await stage.connected();
  const { sid } = victim.session;
  for (const transport of ["polling", "sse", "websocket", "webtransport"]) {
    for (const method of ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]) {
      const target = `${PATH}?EIO=4&transport=${transport}&sid=${sid}`;
      const answer = await request(stage.server, target, { method, body: method === "POST" ? "41" : undefined });
      // 500 is the reference's answer to a method that there is not; the answer to OPTIONS is CORS's.
      assert.ok([204, 400, 500].includes(answer.status), `${method} ${transport}: ${answer.status}`);
    }
  }
  for (const version of [3, 4]) {
    const said = await exchange(stage.server, head("GET", `${PATH}?EIO=${version}&transport=websocket&sid=${sid}`, UPGRADE), { silence: 100 });
    if (version === 3) assert.ok(!said.text.startsWith("HTTP/1.1 101"), said.text);
  }
  assert.equal(await victim.echo(5), 5);
  // A victim that polls: candidates come and go, in every state.
  const session = await stage.pollingSocket();
  for (const words of [[], ["2probe"], ["2"], ["41"], ["x"], ["2probe", "41"], ["2probe", "2probe"], ["1"], ["5"], [Buffer.from([1, 2, 3])]]) {
    const other = await stage.peer(candidate(session.sid));
    if (words.length) other.send(...words);
    await sleep(20);
    other.cut();
  }
  assert.equal((await request(stage.server, `${PATH}?EIO=3&transport=polling&sid=${session.sid}`)).status, 400);
  await session.send('420["echo",6]');
  for (let packet = ""; packet !== "430[6]";) packet = await session.receive();
});

row("session: upgrade without probe", {}, async (stage) => {
  const session = await stage.pollingSocket();
  const other = await stage.peer(candidate(session.sid));
  other.send("5");
  await other.close(2_000);
  await session.send('420["echo",1]');
  for (let packet = ""; packet !== "430[1]";) packet = await session.receive();
});

row("session: upgrade stalled keeps polling", {}, async (stage) => {
  const session = await stage.pollingSocket();
  const other = await stage.peer(candidate(session.sid));
  other.send("2probe");
  assert.equal(await other.receive(), "3probe");
  const started = performance.now();
  for (let n = 0; performance.now() - started < Math.min(stage.times.UPGRADE_TIMEOUT, 5_000) - 300; n++) {
    await session.send(`42${n}["echo",${n}]`);
    for (let packet = ""; packet !== `43${n}[${n}]`;) {
      packet = await session.receive();
      if (packet === "2") await session.send("3");
    }
  }
  await other.close(stage.times.UPGRADE_TIMEOUT + 1_000);
  await session.send('429["echo",9]');
  for (let packet = ""; packet !== "439[9]";) packet = await session.receive();
});

row("session: two upgrades at once", {}, async (stage) => {
  for (let round = 0; round < 20; round++) {
    const session = await stage.pollingSocket();
    const all = await Promise.all([1, 2, 3].map(() => stage.peer(candidate(session.sid))));
    for (const other of all) other.send("2probe");
    await sleep(5);
    for (const other of all) other.send("5", '420["echo",1]');
    const answered = await Promise.all(all.map((other) => other.expect("430", 1_500).then(() => true, () => false)));
    assert.ok(answered.filter(Boolean).length <= 1, "two transports carried one session");
    for (const other of all) other.cut();
  }
});

row("session: close during upgrade", { peak: 24 * MB }, async (stage) => {
  const ends = [
    (session) => session.post("1"),
    (session) => session.post("41"),
    (_, other) => other.cut(),
    (_, other) => other.reset(),
    (_, other) => other.send("1"),
    (session, other) => Promise.all([session.post("1"), other.send("5")]),
    (session, other) => Promise.all([other.send("5", "41"), session.post('42["kick",true]')]),
    (session, other) => Promise.all([other.send("5"), session.get(), session.get()]),
    (session) => session.post('42["kick",true]'),
    (session) => session.post('42["kick"]'),
    (_, other) => other.send("5", '42["kick",true]'),
    (session) => session.post("garbage"),
  ];
  for (let round = 0; round < stage.size(4, 40); round++) {
    await Promise.all(ends.flatMap((end) => [false, true].map(async (probes) => {
      const session = await stage.pollingSocket();
      const held = session.get();
      held.catch(() => {});
      const other = await stage.peer(candidate(session.sid));
      if (probes) {
        other.send("2probe");
        await other.receive();
      }
      await Promise.resolve(end(session, other)).catch(() => {});
      await sleep(5);
      other.cut();
    })));
  }
});

row("session: no connect packet is cut", { times: { CONNECT_TIMEOUT: 1_000 } }, async (stage) => {
  const limit = stage.times.CONNECT_TIMEOUT;
  const started = performance.now();
  const silent = await stage.peer();
  const refused = await stage.peer();
  refused.send("40/nowhere,");
  const noisy = await stage.peer();
  const noise = setInterval(() => noisy.send("3"), 100);
  const session = await stage.polling();
  const closes = await Promise.all([silent, refused, noisy].map((peer) => peer.close(limit + 3_000)));
  clearInterval(noise);
  for (const { at } of closes) {
    const took = at - started;
    assert.ok(took >= limit - 100 && took <= limit + 1_500, `cut after ${took.toFixed(0)} ms`);
  }
  // It came last, so its time ends last.
  await sleep(500);
  // Nobody waited to be told so; who asks then is, behind what was queued before, and nothing of what it sends is taken.
  const told = [];
  for (let got = await session.get(); got.status === 200; got = await session.get()) told.push(...got.text.split("\x1e"));
  assert.deepEqual(told.filter((packet) => packet !== "2"), ["6", "1"]);
  await session.assertUnknown();
});

row("session: heartbeat flood", { peak: 24 * MB }, async (stage) => {
  const pongs = repeated(text("3"), 20_000);
  const peers = await Promise.all(Array.from({ length: 5 }, () => stage.connected()));
  await Promise.all(peers.map(async (peer) => {
    for (let n = 0; n < stage.size(10, 100); n++) if (!(await peer.raw(pongs))) break;
  }));
  // Pings are the server's to send.
  const wrong = await stage.connected();
  wrong.raw(repeated(text("2"), 20_000));
  await wrong.close(3_000);
  const session = await stage.pollingSocket();
  const flood = (pongs) => session.post(Array(pongs).fill("3").join("\x1e"));
  for (let n = 0; n < 2; n++) assert.equal((await flood(40_000)).status, 200);
  await session.send('420["echo",1]');
  for (let packet = ""; packet !== "430[1]";) packet = await session.receive();
  assert.equal((await flood(400_000)).status, 400, "a body has so many packets");
});
