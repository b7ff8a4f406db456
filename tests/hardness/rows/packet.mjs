// Attacks by Socket.IO packets.

import assert from "node:assert/strict";
import { sleep } from "../../conformance/support/time.mjs";
import { BINARY, frame, text } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";

const HOLE = '{"_placeholder":true,"num":0}';
/** So deep that recursion would not survive it. */
const DEEP = 400_000;
const nested = (open, close, depth, inside = "") => open.repeat(depth) + inside + close.repeat(depth);

/** Sends `messages` on a socket of their own, which must be closed, with nothing of them answered. */
async function closes(stage, ...messages) {
  const peer = await stage.connected();
  peer.send(...messages);
  await peer.close(3_000);
  const answers = peer.frames.filter((message) => message !== "2");
  assert.deepEqual(answers, [], `answered before the close: ${String(answers[0]).slice(0, 100)}`);
}

/** Sends them; what they do is the server's choice between closing, refusing and ignoring, but then it goes on. */
async function survives(stage, ...messages) {
  const peer = await stage.connected();
  peer.send(...messages);
  const went = await Promise.race([peer.close(3_000).then(() => "closed"), peer.echo().then(() => "goes on", () => "closed")]);
  return { went, answers: peer.frames };
}

const closing = (title, attacks, options = {}) => row(title, options, (stage) => Promise.all(attacks.map((messages) => closes(stage, ...[].concat(messages)))));

closing("packet: attachments then text", [[`451-0["echo",${HOLE}]`, '42["echo",1]'], [`452-0["echo",${HOLE}]`, Buffer.from("a"), '42["echo"]'], [`451-0["echo",${HOLE}]`, "40/custom,"], [`451-0["echo",${HOLE}]`, `451-1["echo",${HOLE}]`]]);
closing("packet: attachment count malformed", ["45-", "45", "45x-", "451", `450-["echo"]`, `45-1-["echo"]`, `451.0-["echo",${HOLE}]`, `451e0-["echo",${HOLE}]`, `4511-["echo",${HOLE}]`, `45999999999999999999-["echo"]`, `4518446744073709551617-["echo"]`, `4500000000001x-["echo"]`, `45${"1".repeat(500_000)}-["echo"]`, `46-1[]`, "4510000000-[]"]);
closing("packet: placeholder out of range", ["1", "10", "-1", "0.5", "1e3", "4294967296", "18446744073709551616", '"0"', "null", "[]", "{}", "true"].map((num) => [`451-0["echo",{"_placeholder":true,"num":${num}}]`, Buffer.from("a")]));

row("packet: placeholder missing", {}, async (stage) => {
  for (const data of ['["echo",1]', '["echo",{"_placeholder":false,"num":0}]', '["echo",{"num":0}]', '["echo",{"_placeholder":"true","num":0}]']) {
    await survives(stage, `451-0${data}`, Buffer.from("a"));
  }
});

row("packet: placeholder repeated", { peak: 24 * MB }, async (stage) => {
  const many = Array(30_000).fill(HOLE).join(",");
  const peers = await Promise.all(Array.from({ length: 10 }, () => stage.connected()));
  await Promise.all(peers.map(async (peer, n) => {
    peer.ignore();
    peer.send(`451-0["echo",${many}]`, Buffer.alloc(n % 2 ? 900_000 : 1, "a"));
    await sleep(300);
  }));
  const bytes = peers.reduce((sum, peer) => sum + peer.line.total, 0);
  assert.ok(bytes < 64 * MB, `${bytes} bytes came back`);
});

closing("packet: binary without header", [[Buffer.from("a")], [Buffer.alloc(0)], ["bAQID"], ['42["nothing"]', Buffer.from("a")], [`451-["nothing",${HOLE}]`, Buffer.from("a"), Buffer.from("b")]]);

row("packet: event name not string", {}, async (stage) => {
  for (const name of ["null", "true", "{}", "[]", '{"toString":"echo"}', '["echo"]', HOLE, '{"a":{"b":1}}']) {
    const { answers } = await survives(stage, `420[${name},1]`);
    assert.ok(!answers.some((answer) => String(answer).startsWith("430")), `${name} was answered`);
  }
  for (const name of ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]) await closes(stage, `42["${name}","x"]`);
  for (const data of ["[]", "{}", '"echo"', "null", "true"]) await closes(stage, `42${data}`);
});

row("packet: proto keys", {}, async (stage) => {
  const peer = await stage.connected();
  const value = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":null,"hasOwnProperty":1}';
  peer.send(`420["echo",${value}]`);
  assert.equal(await peer.expect("430"), `430[${value}]`);
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) peer.send(`421["${name}",1]`);
  for (const room of ["__proto__", "constructor"]) {
    peer.send(`422["join","${room}"]`);
    assert.equal(await peer.expect("432"), "432[]");
  }
  peer.send('40/__proto__,', "40/constructor,");
  assert.match(await peer.expect("44/__proto__,"), /Invalid namespace/);
  assert.equal(await peer.echo(1), 1);
});

const walls = [nested("[", "]", DEEP), nested('{"a":', "}", DEEP / 8, "1"), nested('[{"a":', "}]", DEEP / 8, "1"), nested("[", "]", 129), "[".repeat(900_000), '{"a":'.repeat(150_000)];
closing("packet: deep nesting arrays", walls.map((wall) => `42["nothing",${wall}]`), { peak: 32 * MB });
closing("packet: deep nesting echoed back", walls.map((wall) => `420["echo",${wall}]`).concat(walls.map((wall) => `42["broadcast",${wall}]`)), { peak: 32 * MB });
closing("packet: deep nesting with binary", walls.slice(0, 4).map((wall) => [`451-0["echo",${wall},${HOLE}]`, Buffer.from("a")]).concat([[`451-0["echo",${nested("[", "]", DEEP, HOLE)}]`, Buffer.from("a")]]), { peak: 32 * MB });

row("packet: deep nesting in auth", { peak: 32 * MB }, async (stage) => {
  for (const wall of walls) {
    const peer = await stage.peer();
    await peer.receive();
    peer.send(`40{"token":${wall}}`);
    const answer = await Promise.race([peer.close(3_000).then(() => "closed"), peer.receive(3_000).catch(() => "closed")]);
    assert.ok(answer === "closed" || answer.startsWith("44"), answer.slice(0, 100));
    peer.cut();
  }
});

row("packet: ack id overflow", {}, async (stage) => {
  for (const id of ["18446744073709551616", "9".repeat(30), "1".repeat(500_000)]) {
    for (const type of ["2", "3"]) {
      const { answers } = await survives(stage, `4${type}${id}["echo",1]`);
      assert.deepEqual(answers.filter((answer) => answer !== "2"), [], `${type} ${id.slice(0, 30)}`);
    }
  }
  const peer = await stage.connected();
  for (const id of ["0", "9007199254740993", "18446744073709551615"]) {
    peer.send(`42${id}["echo",1]`);
    assert.equal(await peer.receive(), `43${id}[1]`);
  }
});

row("packet: ack never asked", {}, async (stage) => {
  const peer = await stage.connected();
  for (let id = 0; id < 20_000; id += 2_000) peer.send(...Array.from({ length: 2_000 }, (_, n) => `43${id + n}["x",1]`));
  peer.send("430[]", "43[]", '4318446744073709551615["x"]', "433");
  assert.equal(await peer.echo(1), 1);
});

closing("packet: client sends connect error", ['44{"message":"x"}', '44"x"', "44", '44/custom,{"message":"x"}', '44/nowhere,{}']);

row("packet: connect auth not object", {}, async (stage) => {
  for (const auth of ["[]", "null", '"x"', "true", "{", '{"a"}', '{"a":1}x', "{}{}", "undefined", "\u{0}"]) {
    const peer = await stage.peer();
    await peer.receive();
    peer.send(`40${auth}`);
    const answer = await Promise.race([peer.close(3_000).then(() => "closed"), peer.receive(3_000).catch(() => "closed")]);
    assert.ok(answer === "closed" || answer.startsWith("44"), `${auth}: ${answer}`);
    peer.cut();
  }
});

closing("packet: other namespace packets", ['42/custom,["echo",1]', '42/nowhere,0["echo",1]', "41/custom", "41/nowhere,", "43/custom,0[1]", [`451-/custom,0["echo",${HOLE}]`, Buffer.from("a")], '42/dyn/x,["echo"]', '42//,["echo"]']);

row("packet: namespace odd names", {}, async (stage) => {
  const peer = await stage.connected();
  const names = ["/nowhere", "/", "//", "/../", "/custom/", "/CUSTOM", "/custom?x=1", "/%2fcustom", "/dyn/", "/dyn/a b", "/dyn/a\u0000", "/dyn/é", `/dyn/${"x".repeat(500)}`, "/\u202e", "/🦀", `/${"y".repeat(100_000)}`];
  for (const name of names) {
    if (name === "/") continue;
    peer.send(`40${name},`);
    const answer = await peer.receive();
    assert.ok(answer.startsWith(`44${name},`), `${name.slice(0, 40)}: ${answer.slice(0, 100)}`);
  }
  assert.equal(await peer.echo(1), 1);
});

row("packet: huge numbers", {}, async (stage) => {
  const peer = await stage.connected();
  for (const number of ["1e308", "1e309", "-1e999", "1e-999", "123456789012345678901234567890", "0.1234567890123456789012345", "-0", `1${"0".repeat(100_000)}`, `0.${"0".repeat(100_000)}1`, "1E+2"]) {
    const { went } = await survives(stage, `42["echo",${number}]`);
    assert.equal(went, "goes on", number.slice(0, 40));
  }
  assert.equal(await peer.echo(1), 1);
});

closing("packet: json odd", ['42["echo",NaN]', '42["echo",Infinity]', '42["echo",01]', '42["echo",1.]', '42["echo",.5]', '42["echo",+1]', '42["echo",1,]', '42["echo",{"a":1,}]', "42['echo']", '42["echo"', '42["echo"]]', '42["echo"]x', '42["echo","\u0001"]', '42["echo","\\x41"]', '42["echo","\\u12"]', '42["echo",tru]', '42["echo",undefined]', '42["echo"]\u0000', "42\ufeff[\"echo\"]", '42["echo",//\n1]', "42\u00a0[\"echo\"]", '42["echo",--1]', '42["echo",1e]', '42["echo","']);

row("packet: event before connect", {}, async (stage) => {
  for (const message of ['420["echo",1]', "41", "430[1]", [`451-0["echo",${HOLE}]`, Buffer.from("a")], '42["broadcast",1]', "44", Buffer.from("x")]) {
    const peer = await stage.peer();
    await peer.receive();
    peer.send(...[].concat(message));
    await peer.close(3_000);
    assert.deepEqual(peer.frames.filter((answer) => answer !== "2"), []);
  }
});

row("packet: early event", {}, async (stage) => {
  const count = stage.size(300, 2_000);
  const peers = await Promise.all(Array.from({ length: count }, () => stage.peer()));
  const answers = await Promise.all(peers.map(async (peer, n) => {
    peer.send("40", `420["echo",${n}]`, `421["echo",${n}]`);
    return [await peer.expect("430"), await peer.expect("431")];
  }));
  answers.forEach((answer, n) => assert.deepEqual(answer, [`430[${n}]`, `431[${n}]`]));
});

row("packet: attachments hoarded", { peak: 72 * MB }, async (stage) => {
  const holes = Array.from({ length: 10 }, (_, num) => `{"_placeholder":true,"num":${num}}`).join(",");
  // The sum is over the limit for one message: closed, and not kept.
  const peer = await stage.connected();
  peer.send(`4510-0["echo",${holes}]`);
  for (let n = 0; n < 9; n++) peer.send(Buffer.alloc(200_000));
  await peer.close(3_000);
  // Forty hold as much as they may.
  const peers = await Promise.all(Array.from({ length: 40 }, () => stage.connected()));
  await Promise.all(peers.map((one) => one.send(`4510-0["echo",${holes}]`, ...Array.from({ length: 9 }, () => Buffer.alloc(100_000)))));
  await sleep(300);
});

row("packet: attachment never comes", {}, async (stage) => {
  const limit = stage.times.ATTACHMENT_TIMEOUT;
  const started = performance.now();
  const peers = await Promise.all(Array.from({ length: 20 }, () => stage.connected()));
  for (const peer of peers) peer.send(`452-0["echo",${HOLE}]`, Buffer.from("a"));
  const noise = setInterval(() => peers.forEach((peer) => peer.send("3")), 200);
  const ends = await Promise.all(peers.map((peer) => peer.close(limit + 3_000)));
  clearInterval(noise);
  for (const { at } of ends) assert.ok(at - started >= limit - 100 && at - started <= limit + 2_000, `cut after ${(at - started).toFixed(0)} ms`);
});

row("packet: namespace flood dynamic", { application: "hardness", env: { CLEANUP: "1" }, peak: 48 * MB }, async (stage) => {
  const watcher = await stage.connected({ greetings: 0 });
  const before = await watcher.ask("namespaces");
  const flood = stage.size(5_000, 50_000);
  const peers = await Promise.all(Array.from({ length: 4 }, () => stage.connected({ greetings: 0 })));
  await Promise.all(peers.map(async (peer, who) => {
    let refused = 0;
    for (let n = 0; n < flood; n += 500) {
      peer.send(...Array.from({ length: 500 }, (_, m) => `40/removed/${who}-${n + m},`));
      for (let m = 0; m < 500;) {
        const answer = await peer.receive();
        if (answer.startsWith("44")) refused++;
        if (answer.startsWith("4")) m++;
      }
    }
    assert.ok(refused >= flood - 100, `${flood - refused} namespaces for one connection`);
  }));
  const during = await watcher.ask("namespaces");
  assert.ok(during - before <= 4 * 100, `${during - before} namespaces were made`);
  for (const peer of peers) peer.cut();
  await stage.until(async () => (await watcher.ask("namespaces")) === before, () => "the namespaces were not given back");
});

row("packet: join flood", { peak: 120 * MB }, async (stage) => {
  const peers = await Promise.all(Array.from({ length: 4 }, () => stage.connected()));
  await Promise.all(peers.map(async (peer, who) => {
    peer.ignore();
    for (let n = 0; n < stage.size(25_000, 100_000); n += 1_000) {
      await peer.send(...Array.from({ length: 1_000 }, (_, m) => `42["join","room-${who}-${n + m}"]`));
    }
    peer.ignores = false;
    await peer.echo();
  }));
  stage.note(`${((stage.server.peak / MB)).toFixed(0)} MB with ${stage.size(100, 400)},000 rooms`);
  // One that names rooms as long as messages may be.
  const long = await stage.connected();
  for (let n = 0; n < 20; n++) long.send(`42["join","${n}${"x".repeat(900_000)}"]`);
  await Promise.race([long.close(5_000), long.echo()]);
});

row("packet: grammar fuzz", { peak: 96 * MB, limit: 60 }, async (stage) => {
  const seed = Number(process.env.HARDNESS_SEED ?? Math.floor(Math.random() * 2 ** 32));
  stage.note(`HARDNESS_SEED=${seed}`);
  let state = seed >>> 0;
  const random = (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const parts = ["4", "0", "1", "2", "3", "5", "6", "-", "/", ",", "/custom,", "[", "]", "{", "}", '"', '"echo"', ":", "null", HOLE, "1", "18446744073709551615", "\\u", "\\", "\u0000", "\x1e", "é", "🦀", "b", "AQID", "451-", '["echo",', "40", "41", "42", "true", " ", "\n", '"_placeholder"', '"num"'];
  const word = () => Array.from({ length: 1 + random(12) }, () => parts[random(parts.length)]).join("");
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let round = 0; round < stage.size(120, 4_000); round++) {
      const peer = random(4) ? await stage.connected() : await stage.peer();
      const messages = Array.from({ length: 1 + random(20) }, () => {
        switch (random(5)) {
          case 0: return frame(BINARY, Buffer.from(word()));
          case 1: return text(word());
          default: return text(`4${word()}`);
        }
      });
      await peer.raw(...messages);
      peer.ignore();
      await sleep(0);
      if (random(2)) peer.line.end();
      else peer.cut();
      stage.open.length = 0;
    }
  }));
  const posts = await Promise.all(Array.from({ length: stage.size(150, 2_000) }, async () => {
    const session = await stage.polling();
    return (await session.post(Array.from({ length: 8 }, () => (random(3) ? `4${word()}` : word())).join("\x1e"))).status;
  }));
  assert.ok(posts.every((status) => status === 200 || status === 400), `${posts}`);
});
