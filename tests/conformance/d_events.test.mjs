// Application D: every event of /, in raw packets over both transports and with the official client.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, connected, next, settled, ways } from "./support/client.mjs";
import { answered, BYTES, ISO_DATE, unanswered } from "./support/d_events.mjs";
import { withoutLast } from "./support/offset.mjs";
import { assertAnswers, pollingSocket, socket } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { PATIENCE, sleep, within } from "./support/time.mjs";

const base64 = (bytes) => `b${bytes.toString("base64")}`;

/** The frames of an event, as a peer without knowledge of its meaning would write them. */
function frames(args, id = "") {
  const attachments = [];
  const json = JSON.stringify(args, (_, value) => {
    // A Buffer has become an object by the time it is seen here.
    if (value?.type !== "Buffer") return value;
    attachments.push(Buffer.from(value.data));
    return { _placeholder: true, num: attachments.length - 1 };
  });
  return [attachments.length ? `45${attachments.length}-${id}${json}` : `42${id}${json}`, ...attachments];
}

const peers = {
  "over WebSocket": {
    open: (server) => socket(server),
    send: (wire, packets) => wire.send(...packets),
    expected: (packets) => packets,
    end: (wire) => wire.close(),
  },
  "over polling": {
    open: (server) => pollingSocket(server),
    send: (session, packets) => session.send(...packets.map((packet) => (typeof packet === "string" ? packet : base64(packet)))),
    expected: (packets) => packets.map((packet) => (typeof packet === "string" ? packet : base64(packet))),
    end: (session) => session.send("1"),
  },
};

for (const [transport, { open, send, expected, end }] of Object.entries(peers)) {
  suite(`D: events on / in raw packets, ${transport}`, { application: "D", env: QUIET }, (server) => {
    for (const { name, sent, comes } of answered) {
      test(`${name}: ${comes[0][0]} comes back, packet for packet`, async () => {
        const peer = await open(server);
        await send(peer, sent.flatMap((args) => frames(args)));
        const packets = comes.flatMap((args) => frames(args));
        assert.deepEqual(await peer.receiveAll(packets.length), expected(packets));
        await assertAnswers(peer, '420["echo","end"]', '430["end"]');
        await end(peer);
      });
    }

    for (const { name, sent } of unanswered) {
      test(`${name}: nothing comes back`, async () => {
        const peer = await open(server);
        await send(peer, sent.flatMap((args) => frames(args)));
        await assertAnswers(peer, '420["echo","end"]', '430["end"]');
        await end(peer);
      });
    }

    test("an unknown event that asks for an ack gets none", async () => {
      const peer = await open(server);
      await send(peer, ['421["unknown"]', '422["event",1]', '423["my-event"]', '424["hi"]']);
      assert.equal(await peer.receive(), '42["hi"]');
      await assertAnswers(peer, '425["echo","end"]', '435["end"]');
      await end(peer);
    });

    for (const value of ["null", "1", '"text"', '{"a":[true]}', "false"]) {
      test(`echo acknowledges ${value} with [${value}]`, async () => {
        const peer = await open(server);
        await assertAnswers(peer, `4212["echo",${value}]`, `4312[${value}]`);
        await end(peer);
      });
    }

    test("echo acknowledges binary with binary", async () => {
      const peer = await open(server);
      await send(peer, frames(["echo", BYTES], 3));
      assert.deepEqual(await peer.receiveAll(2), expected(['461-3[{"_placeholder":true,"num":0}]', BYTES]));
      await end(peer);
    });

    test("ack: the server asks; (5, {test: true}) is answered with got it", async () => {
      const peer = await open(server);
      await send(peer, ['42["ack"]']);
      const question = await peer.receive();
      const [, id] = question.match(/^42(\d+)\["ack"\]$/) ?? assert.fail(question);
      await assertAnswers(peer, `43${id}[5,{"test":true}]`, '42["got it"]');
      await end(peer);
    });

    for (const answer of ["[6,{\"test\":true}]", "[5,{\"test\":false}]", "[5]", "[\"5\",{\"test\":true}]", "[]", "[null,null]"]) {
      test(`ack: ${answer} is not answered with got it`, async () => {
        const peer = await open(server);
        await send(peer, ['42["ack"]']);
        const [, id] = (await peer.receive()).match(/^42(\d+)\[/);
        await send(peer, [`43${id}${answer}`]);
        await assertAnswers(peer, '420["echo","end"]', '430["end"]');
        await end(peer);
      });
    }

    test("ack: a client that never answers harms nothing", async () => {
      const peer = await open(server);
      await send(peer, ['42["ack"]']);
      assert.match(await peer.receive(), /^42\d+\["ack"\]$/);
      await assertAnswers(peer, '420["echo","end"]', '430["end"]');
      await end(peer);
    });

    test("ack: a client that leaves instead of answering harms nobody", async () => {
      const peer = await open(server);
      await send(peer, ['42["ack"]']);
      await end(peer);
      const other = await open(server);
      await assertAnswers(other, '420["echo","end"]', '430["end"]');
      await end(other);
    });

    test("getAckDate acknowledges with a date as text", async () => {
      const peer = await open(server);
      await send(peer, ['421["getAckDate",{"test":true}]']);
      assertDates(await peer.receive(), /^431\["(.*)"\]$/);
      await end(peer);
    });

    test("getDate: takeDate comes with a date as text", async () => {
      const peer = await open(server);
      await send(peer, ['42["getDate"]']);
      assertDates(await peer.receive(), /^42\["takeDate","(.*)"\]$/);
      await end(peer);
    });

    test("getDateObj: takeDateObj comes with a date in an object", async () => {
      const peer = await open(server);
      await send(peer, ['42["getDateObj"]']);
      assertDates(await peer.receive(), /^42\["takeDateObj",\{"date":"(.*)"\}\]$/);
      await end(peer);
    });

    test("getId acknowledges with the socket's id", async () => {
      const peer = await open(server);
      await assertAnswers(peer, '427["getId"]', `437["${peer.id}"]`);
      await end(peer);
    });

    test("getHandshake acknowledges with the handshake", async () => {
      const peer = await open(server);
      await send(peer, ['428["getHandshake"]']);
      const packet = await peer.receive();
      assert.ok(packet.startsWith("438[{"), packet);
      assert.equal(JSON.parse(packet.slice(3))[0].query.EIO, "4");
      await end(peer);
    });

    test("handlers run in the order of arrival, with state of each socket", async () => {
      const [one, other] = await Promise.all([open(server), open(server)]);
      await send(one, frames(["abuff1", BYTES]));
      await send(other, ['42["abuff2","mine has no abuff1"]', '420["echo",1]']);
      assert.equal(await other.receive(), "430[1]");
      await assertAnswers(one, '42["abuff2","mine has"]', '42["abuff2-ack"]');
      await Promise.all([end(one), end(other)]);
    });

    test("all events in one go are answered in their order", async () => {
      const peer = await open(server);
      const order = answered.filter(({ sent }) => sent.length === 1);
      await send(peer, order.flatMap(({ sent }) => frames(sent[0])));
      const packets = order.flatMap(({ comes }) => comes.flatMap((args) => frames(args)));
      assert.deepEqual(await peer.receiveAll(packets.length), expected(packets));
      await end(peer);
    });
  });
}

function assertDates(packet, pattern) {
  const [, date] = packet.match(pattern) ?? assert.fail(packet);
  assert.match(date, ISO_DATE);
  assert.equal(new Date(date).toISOString(), date);
}

for (const [way, options] of Object.entries(ways)) {
  suite(`D: events on / with the official client, ${way}`, { application: "D", env: QUIET }, (server) => {
    const connect = (t) => connected(t, server, "/", options);

    for (const { name, sent, comes } of answered) {
      test(`${name}: ${comes[0][0]} comes back`, async (t) => {
        const peer = await connect(t);
        const heard = [];
        const all = new Promise((resolve) => peer.onAny((...args) => { if (heard.push(withoutLast(args)) === comes.length) resolve(); }));
        for (const args of sent) peer.emit(...args);
        await within(PATIENCE, all, comes[0][0]);
        assert.deepEqual(heard, comes);
      });
    }

    for (const { name, sent } of unanswered) {
      test(`${name}: nothing comes back`, async (t) => {
        const peer = await connect(t);
        const heard = [];
        peer.onAny((...args) => heard.push(args));
        for (const args of sent) peer.emit(...args);
        await acknowledged(peer, "echo", "end");
        assert.deepEqual(heard, []);
      });
    }

    test("an unknown event is never acknowledged", async (t) => {
      const peer = await connect(t);
      let acks = 0;
      for (const name of ["unknown", "event", "my-event"]) peer.emit(name, () => { acks++; });
      await acknowledged(peer, "echo", "end");
      assert.equal(acks, 0);
    });

    test("echo acknowledges, null too", async (t) => {
      const peer = await connect(t);
      for (const value of [null, 1, "text", { a: [true] }, false, BYTES]) {
        assert.deepEqual(await acknowledged(peer, "echo", value), [value]);
      }
    });

    test("ack: got it comes when the client answers right", async (t) => {
      const peer = await connect(t);
      peer.on("ack", (answer) => answer(5, { test: true }));
      const got = next(peer, "got it");
      peer.emit("ack");
      await got;
    });

    test("ack: a client that never answers harms nothing", async (t) => {
      const peer = await connect(t);
      peer.emit("ack");
      await next(peer, "ack");
      assert.deepEqual(await acknowledged(peer, "echo", 1), [1]);
    });

    test("getAckDate, getDate and getDateObj bring dates as text", async (t) => {
      const peer = await connect(t);
      const [acked] = await acknowledged(peer, "getAckDate", { test: true });
      assert.match(acked, ISO_DATE);
      const taken = next(peer, "takeDate");
      peer.emit("getDate");
      assert.match((await taken)[0], ISO_DATE);
      const inObject = next(peer, "takeDateObj");
      peer.emit("getDateObj");
      assert.match((await inObject)[0].date, ISO_DATE);
    });

    test("getId acknowledges with the client's own idea of its id", async (t) => {
      const peer = await connect(t);
      assert.deepEqual(await acknowledged(peer, "getId"), [peer.id]);
    });

    test("getHandshake acknowledges with the handshake", async (t) => {
      const peer = await connect(t);
      const [shown] = await acknowledged(peer, "getHandshake");
      assert.equal(shown.query.EIO, "4");
    });

    if (way === "polling, then upgrade") {
      test("binary events before, during and after the upgrade come whole and in order", async (t) => {
        const peer = await connect(t);
        const echoes = [];
        let moved = false;
        settled(peer).then(() => { moved = true; });
        for (let number = 0; !moved || number < 50; number++) {
          echoes.push(acknowledged(peer, "echo", Buffer.from([number & 255, 1, 2])));
          await sleep(5);
        }
        const answers = await Promise.all(echoes);
        assert.deepEqual(answers, answers.map((_, number) => [Buffer.from([number & 255, 1, 2])]));
      });
    }
  });
}
