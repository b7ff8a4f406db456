// Faults of our own code, of the application, and of the machine.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "../../conformance/support/http.mjs";
import { sleep, timed, within } from "../../conformance/support/time.mjs";
import { Line } from "../support/line.mjs";
import { PATH, Peer, text } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";
import { crowd } from "./load.mjs";

row("SIGTERM while 1,000 clients poll", { application: "sockeye", format: "switchboard", ends: true, peak: 64 * MB }, async (stage) => {
  const sessions = [];
  await crowd(1_000, 50, async () => {
    const session = await stage.polling();
    assert.equal((await session.post("40")).status, 200);
    await session.receive();
    sessions.push(session);
  });
  const polls = sessions.map((session) => session.get({ limit: 60_000 }));
  const idle = await stage.line();
  const half = await stage.line();
  half.write("GET / HT");
  await stage.until(() => stage.server.fileCount > 1_000, () => "the polls are not held");
  await sleep(200);
  const { took } = await timed(async () => {
    stage.server.signal("SIGTERM");
    const { code, signal } = await within(15_000, stage.server.exited, "the end of the process");
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
  });
  stage.note(`ended in ${took.toFixed(0)} ms`);
  assert.ok(took < 10_000, `it took ${took.toFixed(0)} ms`);
  const answers = await Promise.allSettled(polls);
  const answered = answers.filter(({ status, value }) => status === "fulfilled" && value.status === 200).length;
  assert.equal(answered, 1_000, `${answered} of 1,000 polls were answered`);
  idle.cut();
});

row("reconnect storm of 10,000 after a restart", { peak: 400 * MB, final: 24 * MB, limit: 60 }, async (stage) => {
  const count = stage.size(1_500, 10_000);
  const connectAll = () => crowd(count, 500, async () => { await stage.connected(); });
  await connectAll();
  for (const peer of stage.open) peer.pause();
  await stage.restart();
  stage.end();
  const { took } = await timed(connectAll);
  stage.note(`${count} were back in ${took.toFixed(0)} ms`);
  assert.ok(took < 30_000, `${count} were back after ${took.toFixed(0)} ms`);
});

row("clock jumps 1 h", { limit: 60 }, async (stage) => {
  const folder = mkdtempSync(join(tmpdir(), "hardness-clock-"));
  const { Target } = await import("../support/target.mjs");
  const library = join(folder, "clock.so");
  const file = join(folder, "jump");
  const jump = (seconds) => writeFileSync(file, String(seconds));
  let server;
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, fileURLToPath(new URL("../support/clock.c", import.meta.url)), "-ldl"]);
    jump(0);
    const env = { PING_INTERVAL: "600", PING_TIMEOUT: "600", CONNECT_TIMEOUT: "1500", CLOCK_FILE: file };
    server = await new Target("C", { env, preload: library }).start();
    const issued = async () => JSON.parse((await request(server, `${PATH}?EIO=4&transport=polling`)).text.slice(1)).sid;
    // The jump reaches the server at all: its answers tell the wall clock.
    jump(3_600);
    await sleep(1_100);
    const { date } = (await request(server, `${PATH}?EIO=4&transport=polling`)).headers;
    assert.ok(Math.abs(Date.parse(date) - Date.now() - 3_600_000) < 60_000, `the server's date is ${date}`);
    for (const seconds of [3_600, -3_600, 0, 86_400 * 365, 0]) {
      const peer = await Peer.connected(server);
      const before = await Peer.open(server);
      await before.receive();
      jump(seconds);
      await issued();
      const started = performance.now();
      const silent = await Peer.connected(server, { pongs: false });
      for (let n = 0; n < 8; n++) {
        assert.equal(await peer.echo(n), n);
        await sleep(100);
      }
      const { at } = await silent.close(4_000);
      const took = at - started;
      assert.ok(took >= 1_100 && took <= 2_600, `a silent peer was cut after ${took.toFixed(0)} ms, with the clock at ${seconds}`);
      await before.close(4_000); // connectTimeout
      assert.equal(await peer.echo(9), 9);
      peer.cut();
    }
    server.assertAlive();
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true });
  }
});

row("file descriptors run out (EMFILE)", { files: 64, newcomers: false }, async (stage) => {
  const lines = [];
  for (let n = 0; n < 200; n++) {
    const line = await Line.open(stage.server);
    line.write("GET / HTTP/1.1\r\n");
    lines.push(line);
  }
  await stage.until(() => stage.server.fileCount >= 62, () => `only ${stage.server.fileCount} files are open`);
  const before = stage.server.processorTime;
  await sleep(1_000);
  const used = stage.server.processorTime - before;
  stage.note(`${used} ms of processor in a second without files`);
  assert.ok(used < 250, `the accept loop spins: ${used} ms of processor in a second`);
  for (const line of lines) line.cut();
  // What waited in the backlog comes and goes first.
  await stage.until(() => stage.server.fileCount < 40, () => "the files are still open");
});

row("disk full for logs", { application: "sockeye", format: "switchboard", env: { RUST_LOG: "trace" }, silenced: true }, async (stage) => {
  for (let n = 0; n < 50; n++) {
    const peer = await stage.connected({ greetings: 0 });
    // What fails in a handler is logged where the socket's events are handled.
    peer.send('42["say"]', '42["hello",[[]]]');
    assert.ok(await peer.ask("ping"));
    peer.send(["420[", "4x", '42["hello",1]', '42["say"]', "41"][n % 5]);
    await sleep(2);
    if (n % 2) peer.reset();
    await request(stage.server, `${PATH}?EIO=4&transport=${n}`).catch(() => {});
  }
  const line = await stage.line();
  line.write("garbage\r\n\r\n");
  await line.ended;
});

row("a handler panics", { application: "hardness", panics: 50 }, async (stage) => {
  const neighbour = await stage.connected({ greetings: 0 });
  const before = await neighbour.ask("sockets");
  for (let round = 0; round < 10; round++) {
    const peer = await stage.connected({ greetings: 0 });
    peer.send('42["panic"]');
    assert.equal(await peer.echo(round), round);
    peer.send('421["panic later"]', '422["echo",2]');
    assert.equal(await peer.expect("43"), "432[2]");
    peer.send('42["panic at the end"]', '42["broadcast",1]');
    await peer.expect('42["broadcast",1]');
    peer.send("40/middleware,{\"panic\":1}");
    assert.match(await peer.expect("44/middleware,"), /Internal error/);
    peer.send("40/middleware,{}");
    await peer.expect("40/middleware,");
    peer.send("40/connect,{\"panic\":1}");
    await peer.expect("40/connect,");
    assert.equal(await peer.echo(3), 3);
    peer.send("41");
    peer.cut();
  }
  await stage.until(() => stage.server.panics >= 50, () => `${stage.server.panics} panics`);
  assert.equal(await neighbour.echo(1), 1);
  await stage.until(async () => (await neighbour.ask("sockets")) <= before + 1, () => "sockets of panicked handlers are still there");
});

row("a handler never ends", { application: "hardness", peak: 24 * MB }, async (stage) => {
  const watcher = await stage.connected({ greetings: 0 });
  const peers = await Promise.all(Array.from({ length: 10 }, () => stage.connected({ greetings: 0 })));
  for (const peer of peers) peer.send('42["never"]');
  // Back pressure: what stands behind is not taken without end.
  const flood = text(`42["echo","${"x".repeat(1_000)}"]`);
  const sent = await Promise.all(peers.map((peer) => peer.line.flood(Buffer.concat(Array(100).fill(flood)), 64 * MB, { untilAnswered: false, patience: 500 })));
  assert.ok(Math.max(...sent) < 32 * MB, `${Math.max(...sent)} bytes were taken behind a handler that does not end`);
  assert.equal(await watcher.echo(1), 1);
  for (const peer of peers) peer.cut();
  const patience = stage.times.PING_INTERVAL + stage.times.PING_TIMEOUT + 3_000;
  await stage.until(async () => (await watcher.ask("gone", "never")) === 10, () => "not all handlers of the end ran", patience);
});

row("a handler blocks its thread 1 s", { application: "hardness", newcomers: false }, async (stage) => {
  for (let n = 0; n < 3; n++) {
    const peer = await stage.connected({ greetings: 0 });
    assert.equal(await peer.ask("block", 1_000), "blocked");
  }
});

row("disconnect in the middle of a handler, then `join`", { application: "hardness", peak: 48 * MB, limit: 60 }, async (stage) => {
  const watcher = await stage.connected({ greetings: 0 });
  const before = await watcher.ask("rooms");
  // Less than what a peer may say at once, packets that are ignored included.
  const count = stage.size(20_000, 45_000);
  const peer = await stage.peer();
  await peer.receive();
  peer.ignore();
  for (let n = 0; n < count; n += 500) {
    const seen = peer.counts.messages;
    peer.send(...Array.from({ length: 500 }, (_, m) => ["40", `42["leave, then join","room ${n + m}"]`]).flat());
    await stage.until(() => peer.counts.messages - seen >= 1_000, () => "not all joined and left");
  }
  // The peer itself leaves, while the handler waits.
  const other = await stage.peer();
  await other.receive();
  other.ignore();
  const waits = stage.size(2_000, 20_000);
  for (let n = 0; n < waits; n += 100) {
    other.send(...Array.from({ length: 100 }, (_, m) => ["40", `42["wait, then join","other room ${n + m}"]`, "41"]).flat());
    await stage.until(async () => (await watcher.ask("gone", "wait, then join")) >= n + 100, () => "not all handlers ended");
  }
  peer.cut();
  other.cut();
  await stage.until(async () => (await watcher.ask("rooms")) <= before + 2, () => "rooms are left");
  assert.ok((await watcher.ask("sockets")) <= 4, "sockets are left");
});

row("ack callbacks never answered", { application: "hardness", peak: 256 * MB, limit: 60 }, async (stage) => {
  const rounds = stage.size(2, 20);
  const peers = await Promise.all(Array.from({ length: 5 }, () => stage.connected({ greetings: 0 })));
  let most = 0;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(peers.map(async (peer) => {
      peer.send('42["ask in vain",9000]');
      assert.equal(await peer.expect('42["unanswered"'), '42["unanswered",9000]');
    }));
    most = Math.max(most, stage.server.memory);
  }
  stage.note(`${rounds * 45},000 emits`);
});

row("`of(name)` removed from inside its disconnect handler", { application: "hardness" }, async (stage) => {
  const watcher = await stage.connected({ greetings: 0 });
  const before = await watcher.ask("namespaces");
  await crowd(200, 20, async (n) => {
    const peer = await stage.peer();
    await peer.receive();
    for (let place = 0; place < 5; place++) peer.send(`40/removed/${n}-${place},`);
    for (let place = 0; place < 5; place++) await peer.expect("40/removed/");
    if (n % 2) peer.cut();
    else peer.send(...Array.from({ length: 5 }, (_, place) => `41/removed/${n}-${place},`));
    if (n % 2 === 0) await sleep(5);
    peer.cut();
  });
  await stage.until(async () => (await watcher.ask("namespaces")) === before, () => "namespaces are left");
});

row("connection state recovery with a forged or another user's `pid`", { application: "hardness", env: { RECOVERY: "1500" }, limit: 60 }, async (stage) => {
  const come = async (auth, namespace = "/") => {
    const peer = await stage.peer();
    await peer.receive();
    await peer.join(namespace, auth, 0);
    return peer;
  };
  const cut = async () => {
    const peer = await come({});
    peer.send('42["broadcast","x"]');
    const [, , offset] = JSON.parse((await peer.expect('42["broadcast"')).slice(2));
    assert.equal(typeof offset, "string");
    peer.cut();
    await sleep(50);
    return { sid: peer.sid, auth: { pid: peer.pid, offset } };
  };
  // Once for each cut; who has it takes over from whoever came back before, so that never two are the same socket.
  const first = await cut();
  const back = await come(first.auth);
  assert.equal(back.sid, first.sid);
  const again = await come(first.auth);
  if (again.sid === first.sid) await back.close(1_000);
  assert.equal(await again.echo(1), 1);
  again.send("41");
  assert.notEqual((await come(first.auth)).sid, first.sid);
  // At once by many: one of them stays.
  for (let round = 0; round < 10; round++) {
    const one = await cut();
    const rivals = await Promise.all(Array.from({ length: 4 }, async () => {
      const peer = await stage.peer();
      await peer.receive();
      return peer;
    }));
    const joined = await Promise.allSettled(rivals.map((rival) => rival.join("/", one.auth, 0)));
    assert.ok(joined.some(({ status }) => status === "fulfilled"));
    await sleep(50);
    const alive = await Promise.all(rivals.map((rival) => rival.echo(1).then(() => rival.sid === one.sid, () => false)));
    assert.equal(alive.filter(Boolean).length, 1, `${alive}`);
  }
  // In another namespace, changed by a letter, of another, of nobody.
  const other = await cut();
  assert.notEqual((await come(other.auth, "/middleware")).sid, other.sid);
  const letter = other.auth.pid[0] === "A" ? "B" : "A";
  for (const pid of [letter + other.auth.pid.slice(1), other.sid, `${other.auth.pid} `, other.auth.pid.slice(0, -1), "", "\u0000", "x".repeat(100_000), 1, null, [other.auth.pid], { pid: other.auth.pid }]) {
    assert.notEqual((await come({ ...other.auth, pid })).sid, other.sid, JSON.stringify(pid).slice(0, 60));
  }
  for (const offset of ["", "-1", "99999999999999999999", "zzzz", "x".repeat(100_000), null, 5, {}]) {
    const peer = await come({ pid: (await cut()).auth.pid, offset });
    assert.equal(await peer.ask("echo", 1), 1);
  }
  // Too late.
  const late = await cut();
  await sleep(2_200);
  assert.notEqual((await come(late.auth)).sid, late.sid);
  const pids = new Set();
  for (let n = 0; n < 50; n++) pids.add((await come({})).pid);
  assert.equal(pids.size, 50);
  const bits = Buffer.from([...pids][0], "base64url").length * 8;
  stage.note(`a pid has ${bits} bits`);
  assert.ok(bits >= 128);
});

row("recovery buffer grows without limit", { args: ["--recovery"], peak: 40 * MB, final: 24 * MB, limit: 60 }, async (stage) => {
  const peer = await stage.peer();
  await peer.receive();
  await peer.join("/", {}, 1);
  peer.send('42["broadcast","x"]');
  const [, , offset] = JSON.parse((await peer.expect('42["broadcast"')).slice(2));
  const away = { sid: peer.sid, auth: { pid: peer.pid, offset } };
  peer.cut();
  const sender = await stage.connected();
  sender.ignore();
  const flood = text(`42["broadcast","${"x".repeat(1_000)}"]`);
  const count = stage.size(30_000, 90_000);
  for (let n = 0; n < count; n += 500) {
    const before = sender.counts.messages;
    await sender.raw(Buffer.concat(Array(500).fill(flood)));
    await stage.until(() => sender.counts.messages - before >= 500, () => "not all came back");
  }
  stage.note(`${((stage.server.memory) / MB).toFixed(0)} MB behind ${count / 1_000},000 events of 1 kB`);
  // Who missed more than is kept is told so, by a new session.
  const back = await stage.peer();
  await back.receive();
  await back.join("/", away.auth, 0);
  assert.notEqual(back.sid, away.sid);
  assert.notEqual(back.pid, away.auth.pid);
});
