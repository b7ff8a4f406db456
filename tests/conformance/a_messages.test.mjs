// Application A: each message is sent back as it came, over both transports; and how large one may be.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "./support/http.mjs";
import { Polling } from "./support/polling.mjs";
import { ours, QUIET, suite } from "./support/suite.mjs";
import { sleep } from "./support/time.mjs";
import { Wire } from "./support/websocket.mjs";

const path = "/engine.io/";
const MAX_PAYLOAD = 1_000_000;

const base64 = (bytes) => `b${Buffer.from(bytes).toString("base64")}`;
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
const texts = {
  "ASCII": "hello",
  "text of every width": "a é € 😀 \u2028 てすと",
  "an empty text": "",
  "text that looks like a packet": "2probe",
};
const binaries = {
  "binary": Buffer.from([1, 2, 3, 4]),
  "every byte": EVERY_BYTE,
  "one byte": Buffer.from([0]),
};

suite("A: sending and receiving over polling", { application: "A", env: QUIET }, (server) => {
  for (const [name, text] of Object.entries(texts)) {
    test(`${name} comes back`, async () => {
      const session = await Polling.connect(server, path);
      await session.send(`4${text}`);
      assert.equal(await session.receive(), `4${text}`);
    });
  }

  for (const [name, bytes] of Object.entries(binaries)) {
    test(`${name} comes back as base64`, async () => {
      const session = await Polling.connect(server, path);
      await session.send(base64(bytes));
      assert.equal(await session.receive(), base64(bytes));
    });
  }

  test("a POST is answered with ok as text/html", async () => {
    const session = await Polling.connect(server, path);
    const { status, headers, text } = await session.post("4hello");
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/html");
    assert.equal(headers["content-length"], "2");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(text, "ok");
  });

  for (const type of [undefined, "text/plain;charset=UTF-8", "application/json", "nonsense"]) {
    test(`a POST of content type ${type} is text`, async () => {
      const session = await Polling.connect(server, path);
      const { status } = await session.post("4€", type ? { "content-type": type } : {});
      assert.equal(status, 200);
      assert.equal(await session.receive(), "4€");
    });
  }

  test("a GET is answered as text, and told not to be stored", async () => {
    const session = await Polling.connect(server, path);
    await session.send("4€");
    const { status, headers, text } = await session.get();
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(headers["content-length"], "4");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(text, "4€");
  });

  test("a GET that came first waits for the message", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold();
    await session.send("4late");
    assert.deepEqual(await pending.packets(), ["4late"]);
  });

  test("a payload of several packets, text and binary, comes back in order", async () => {
    const session = await Polling.connect(server, path);
    const packets = ["4first", base64([1, 2, 3, 4]), "4", "4€", base64(EVERY_BYTE), "4last"];
    await session.send(...packets);
    assert.deepEqual(await session.receiveAll(packets.length), packets);
  });

  test("packets that wait leave in one payload", async () => {
    const session = await Polling.connect(server, path);
    await session.send("4one", base64([1]), "4two");
    assert.deepEqual(await session.poll(), ["4one", base64([1]), "4two"]);
  });

  test("1,000 packets in ten payloads come back complete and in order", async () => {
    const session = await Polling.connect(server, path);
    const packets = Array.from({ length: 1_000 }, (_, number) => (number % 3 ? `4${number}` : base64([number & 255])));
    const received = session.receiveAll(packets.length);
    for (let start = 0; start < packets.length; start += 100) await session.send(...packets.slice(start, start + 100));
    assert.deepEqual(await received, packets);
  });

  test("packets before one that is none are delivered, in their order", async () => {
    const session = await Polling.connect(server, path);
    const pending = await session.hold();
    await session.post("4before\x1e9");
    assert.equal((await pending.packets())[0], "4before");
    await session.assertUnknown();
  });

  test("packets behind a close packet are ignored", async () => {
    const session = await Polling.connect(server, path);
    await session.send("1", "4behind");
    await session.assertUnknown();
  });

  test("a POST of max payload is taken", async () => {
    const session = await Polling.connect(server, path);
    const packet = `4${"a".repeat(MAX_PAYLOAD - 1)}`;
    await session.send(packet);
    assert.ok((await session.receive()) === packet, "it comes back as it was");
  });

  test("a POST of one byte more is refused with 413, and the session lives", async () => {
    const session = await Polling.connect(server, path);
    const { status } = await session.post(`4${"a".repeat(MAX_PAYLOAD)}`);
    assert.equal(status, 413);
    await session.send("4still here");
    assert.equal(await session.receive(), "4still here");
  });

  test("max payload counts bytes, not characters", async () => {
    const session = await Polling.connect(server, path);
    const { status } = await session.post(`4${"€".repeat(MAX_PAYLOAD / 3 + 1)}`);
    assert.equal(status, 413);
  });

  test("sessions do not hear each other", async () => {
    const [one, other] = await Promise.all([Polling.connect(server, path), Polling.connect(server, path)]);
    await Promise.all([one.send("4one"), other.send("4other")]);
    assert.deepEqual(await Promise.all([one.poll(), other.poll()]), [["4one"], ["4other"]]);
  });
});

suite("A: sending and receiving over WebSocket", { application: "A", env: QUIET }, (server) => {
  for (const [name, text] of Object.entries(texts)) {
    test(`${name} comes back`, async () => {
      const wire = await Wire.session(server, path);
      wire.send(`4${text}`);
      assert.equal(await wire.receive(), `4${text}`);
      await wire.close();
    });
  }

  for (const [name, bytes] of Object.entries({ ...binaries, "empty binary": Buffer.alloc(0) })) {
    test(`${name} comes back as a binary frame without a type`, async () => {
      const wire = await Wire.session(server, path);
      wire.send(bytes);
      assert.deepEqual(await wire.receive(), bytes);
      await wire.close();
    });
  }

  test("binary as base64 in a text frame is binary", async () => {
    const wire = await Wire.session(server, path);
    wire.send("bAQIDBA==");
    assert.deepEqual(await wire.receive(), Buffer.from([1, 2, 3, 4]));
    await wire.close();
  });

  test("a text with the separator of payloads is one packet", async () => {
    const wire = await Wire.session(server, path);
    wire.send("4one\x1e4two");
    assert.equal(await wire.receive(), "4one\x1e4two");
    await wire.close();
  });

  test("1,000 messages, text and binary, come back complete and in order", async () => {
    const wire = await Wire.session(server, path);
    const frames = Array.from({ length: 1_000 }, (_, number) => (number % 3 ? `4${number}` : Buffer.from([number & 255])));
    wire.send(...frames);
    assert.deepEqual(await wire.receiveAll(frames.length), frames);
    await wire.close();
  });

  test("a message in fragments is one message", async () => {
    const wire = await Wire.session(server, path);
    wire.socket.send("4he", { fin: false });
    wire.socket.send("l", { fin: false });
    wire.socket.send("lo", { fin: true });
    assert.equal(await wire.receive(), "4hello");
    await wire.close();
  });

  test("a message of max payload is taken", async () => {
    const wire = await Wire.session(server, path);
    const packet = `4${"a".repeat(MAX_PAYLOAD - 1)}`;
    wire.send(packet);
    assert.ok((await wire.receive()) === packet, "it comes back as it was");
    await wire.close();
  });

  for (const [name, frame] of [["text", `4${"a".repeat(MAX_PAYLOAD)}`], ["binary", Buffer.alloc(MAX_PAYLOAD + 1)]]) {
    test(`a ${name} message of one byte more closes with 1009`, async () => {
      const wire = await Wire.session(server, path);
      wire.send(frame);
      await wire.assertCloses(1009);
    });
  }
});

suite("A: messages while a session moves", { application: "A", env: QUIET }, (server) => {
  test("a message during the probe leaves over polling, and after the upgrade over WebSocket", async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    await session.send("4during");
    assert.equal(await session.receive(), "4during");
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    wire.send("5", "4after");
    assert.equal(await wire.receive(), "4after");
    await wire.close();
  });

  test("a message that no GET fetched leaves over WebSocket, before what comes later", async () => {
    const session = await Polling.connect(server, path);
    await session.send("4waiting", base64([1, 2, 3, 4]));
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    wire.send("5", "4later");
    assert.deepEqual(await wire.receiveAll(3), ["4waiting", Buffer.from([1, 2, 3, 4]), "4later"]);
    await wire.close();
  });

  test("messages over polling, then over WebSocket, come back in order", async () => {
    const session = await Polling.connect(server, path);
    const sent = [];
    const received = [];
    for (let number = 0; number < 50; number++) {
      sent.push(`4${number}`);
      await session.send(`4${number}`);
      if (number % 3 === 0) received.push(...(await session.poll()));
    }
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    wire.send("5");
    for (let number = 50; number < 100; number++) {
      sent.push(`4${number}`);
      wire.send(`4${number}`);
    }
    received.push(...(await wire.receiveAll(sent.length - received.length)));
    assert.deepEqual(received, sent);
    await wire.close();
  });

  test("the upgrade packet without a probe moves nothing: polling still echoes", ours("the original moves without a probe"), async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("5");
    await wire.assertCloses();
    await session.send("4still here");
    assert.equal(await session.receive(), "4still here");
  });
});

suite("A: heartbeats beside messages", { application: "A" }, (server) => {
  test("over four intervals with messages and pongs nothing is lost, over WebSocket", async () => {
    const wire = await Wire.session(server, path);
    const received = [];
    let pings = 0;
    for (let number = 0; pings < 4; number++) {
      wire.send(`4${number}`);
      for (;;) {
        const frame = await wire.receive();
        if (frame !== "2") { received.push(frame); break; }
        pings++;
        wire.send("3");
      }
      await sleep(20);
    }
    assert.deepEqual(received, received.map((_, number) => `4${number}`));
    await wire.close();
  });

  test("over four intervals with messages and pongs nothing is lost, over polling", async () => {
    const session = await Polling.connect(server, path);
    const received = [];
    let pings = 0;
    for (let number = 0; pings < 4; number++) {
      await session.send(`4${number}`);
      for (;;) {
        const packet = await session.receive();
        if (packet !== "2") { received.push(packet); break; }
        pings++;
        await session.send("3");
      }
    }
    assert.deepEqual(received, received.map((_, number) => `4${number}`));
  });

  test("a session that has moved is pinged over WebSocket, and closed there for its silence", async () => {
    const session = await Polling.connect(server, path);
    const wire = await Wire.candidate(server, path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    wire.send("5");
    assert.equal(await wire.receive(), "2");
    wire.send("3");
    assert.equal(await wire.receive(), "2");
    await wire.assertCloses(1005);
    await session.assertUnknown();
  });
});

suite("A: what is not Engine.IO", { application: "A", env: QUIET }, (server) => {
  test("the application speaks no Socket.IO: a CONNECT packet comes back as the text it is", async () => {
    const wire = await Wire.session(server, path);
    wire.send("40");
    assert.equal(await wire.receive(), "40");
    await wire.close();
  });

  test("nothing is served at /socket.io/", async () => {
    assert.equal((await request(server, "/socket.io/?EIO=4&transport=polling")).status, 404);
  });
});
