// Application B: text and binary, events and acks; and invalid packets, which close the connection.

import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAnswers, assertCloses, join, pollingSocket, socket } from "./support/socket.mjs";
import { ours, QUIET, suite } from "./support/suite.mjs";
import { Wire } from "./support/websocket.mjs";

const joined = (server) => socket(server, { greetings: 1 });
const joinedPolling = (server) => pollingSocket(server, { greetings: 1 });

const argumentLists = {
  "no arguments": [],
  "one argument": ["one"],
  "arguments of every kind": [1, "2", { 3: [true] }, null, 1.5, -7, [], {}, [[["deep"]]]],
  "text of every width": ["a é € 😀 \u2028", { "ключ": "てすと" }],
  "text with quotes and escapes": ['say "hi" \\ \n \u0000 /', ""],
  "numbers at their edges": [0, -1, 9007199254740991, 1e21, 1e-7, 0.1],
  "an object that looks like a placeholder": [{ _placeholder: true, num: 0 }],
  "members in an order of their own": [{ b: 1, a: 2, c: { z: 1, y: 2 } }],
};
const tail = (args) => JSON.stringify(args).slice(1, -1);
const list = (name, args) => (args.length ? `["${name}",${tail(args)}]` : `["${name}"]`);

suite("B: text events", { application: "B", env: QUIET }, (server) => {
  for (const [name, args] of Object.entries(argumentLists)) {
    test(`message with ${name} comes back, over WebSocket`, async () => {
      const wire = await joined(server);
      await assertAnswers(wire, `42${list("message", args)}`, `42${list("message-back", args)}`);
      await wire.close();
    });

    test(`message with ${name} comes back, over polling`, async () => {
      const session = await joinedPolling(server);
      await assertAnswers(session, `42${list("message", args)}`, `42${list("message-back", args)}`);
    });
  }

  test("500 messages come back complete and in order", async () => {
    const wire = await joined(server);
    for (let number = 0; number < 500; number++) wire.send(`42["message",${number}]`);
    const expected = Array.from({ length: 500 }, (_, number) => `42["message-back",${number}]`);
    assert.deepEqual(await wire.receiveAll(500), expected);
    await wire.close();
  });

  test("an event that nobody handles is ignored, in / and in /custom", async () => {
    const wire = await joined(server);
    await join(wire, "/custom");
    await wire.receive();
    wire.send('42["unknown",1]', '428["unknown",1]', '42/custom,["message",1]', '42/custom,9["message-with-ack",1]');
    await assertAnswers(wire, '42["message","after"]', '42["message-back","after"]');
    await wire.close();
  });

  for (const name of ["connection", "error", "new_namespace", ""]) {
    test(`an event may be called ${JSON.stringify(name)}`, async () => {
      const wire = await joined(server);
      wire.send(`42[${JSON.stringify(name)},1]`);
      await assertAnswers(wire, '42["message"]', '42["message-back"]');
      await wire.close();
    });
  }
});

suite("B: text acks", { application: "B", env: QUIET }, (server) => {
  for (const [name, args] of Object.entries(argumentLists)) {
    test(`message-with-ack with ${name} is acknowledged with them, over WebSocket`, async () => {
      const wire = await joined(server);
      await assertAnswers(wire, `42456${list("message-with-ack", args)}`, `43456[${tail(args)}]`);
      await wire.close();
    });

    test(`message-with-ack with ${name} is acknowledged with them, over polling`, async () => {
      const session = await joinedPolling(server);
      await assertAnswers(session, `42456${list("message-with-ack", args)}`, `43456[${tail(args)}]`);
    });
  }

  for (const id of ["0", "1", "4294967296", "9007199254740991"]) {
    test(`the ack carries the id ${id} that was asked with`, async () => {
      const wire = await joined(server);
      await assertAnswers(wire, `42${id}["message-with-ack",1]`, `43${id}[1]`);
      await wire.close();
    });
  }

  test("acks and messages come in the order of what they answer", async () => {
    const wire = await joined(server);
    wire.send('421["message-with-ack","a"]', '42["message","b"]', '422["message-with-ack","c"]');
    assert.deepEqual(await wire.receiveAll(3), ['431["a"]', '42["message-back","b"]', '432["c"]']);
    await wire.close();
  });

  test("an ack that nobody asked for is ignored", async () => {
    const wire = await joined(server);
    wire.send("430[1]", "43123[]");
    await assertAnswers(wire, '42["message"]', '42["message-back"]');
    await wire.close();
  });
});

const one = Buffer.from([1, 2, 3]);
const other = Buffer.from([4, 5, 6]);
const base64 = (bytes) => `b${bytes.toString("base64")}`;
const hole = (number) => `{"_placeholder":true,"num":${number}}`;

/** Binary packets: the header that is sent and the one that is expected, and the attachments of both. */
const binaries = {
  "one attachment": [`["@",${hole(0)}]`, [one]],
  "two attachments": [`["@",${hole(0)},${hole(1)}]`, [one, other]],
  "attachments within objects and arrays": [`["@",{"a":${hole(0)},"b":[${hole(1)},"text"]},null]`, [one, other]],
  "an empty attachment": [`["@",${hole(0)}]`, [Buffer.alloc(0)]],
  "ten attachments": [
    `["@",${Array.from({ length: 10 }, (_, number) => hole(number)).join(",")}]`,
    Array.from({ length: 10 }, (_, number) => Buffer.from([number])),
  ],
  "an attachment of 100 kB": [`["@",${hole(0)}]`, [Buffer.alloc(100_000, 7)]],
};

suite("B: binary events and acks", { application: "B", env: QUIET }, (server) => {
  for (const [name, [payload, attachments]] of Object.entries(binaries)) {
    const event = `45${attachments.length}-${payload.replace("@", "message")}`;
    const back = `45${attachments.length}-${payload.replace("@", "message-back")}`;
    const asked = `45${attachments.length}-789${payload.replace("@", "message-with-ack")}`;
    const acked = `46${attachments.length}-789${payload.replace('"@",', "")}`;

    for (const [what, sent, answer] of [["message", event, back], ["message-with-ack", asked, acked]]) {
      test(`${what} with ${name} is answered with them, over WebSocket`, async () => {
        const wire = await joined(server);
        wire.send(sent, ...attachments);
        assert.deepEqual(await wire.receiveAll(1 + attachments.length), [answer, ...attachments]);
        await wire.close();
      });

      // An empty attachment is a `b` without anything, which is legal on polling as well.
      test(`${what} with ${name} is answered with them, over polling`, async () => {
        const session = await joinedPolling(server);
        await session.send(sent, ...attachments.map(base64));
        assert.deepEqual(await session.receiveAll(1 + attachments.length), [answer, ...attachments.map(base64)]);
      });
    }
  }

  test("attachments follow their packet with nothing in between, even when the other namespace is busy", async () => {
    const wire = await joined(server);
    const header = `452-["message",${hole(0)},${hole(1)}]`;
    for (let number = 0; number < 50; number++) wire.send(header, one, other, `42["message",${number}]`);
    for (let number = 0; number < 50; number++) {
      assert.deepEqual(await wire.receiveAll(4), [
        header.replace("message", "message-back"), one, other, `42["message-back",${number}]`,
      ]);
    }
    await wire.close();
  });

  test("an attachment that is named twice comes twice", async () => {
    const wire = await joined(server);
    wire.send(`451-["message",${hole(0)},${hole(0)}]`, one);
    const header = await wire.receive();
    // As two attachments, or as one that is named twice again: a decoder takes both.
    const [, count, arguments_] = header.match(/^45(\d)-\["message-back",(.*)\]$/) ?? assert.fail(header);
    assert.equal(arguments_, count === "1" ? `${hole(0)},${hole(0)}` : `${hole(0)},${hole(1)}`);
    assert.deepEqual(await wire.receiveAll(Number(count)), count === "1" ? [one] : [one, one]);
    await assertAnswers(wire, '42["message"]', '42["message-back"]');
    await wire.close();
  });

  test("binary over a session that has moved from polling", async () => {
    const session = await joinedPolling(server);
    await session.send(`451-["message",${hole(0)}]`, base64(one));
    assert.deepEqual(await session.receiveAll(2), [`451-["message-back",${hole(0)}]`, base64(one)]);
    const wire = await Wire.candidate(server, session.path, session.sid);
    wire.send("2probe");
    assert.equal(await wire.receive(), "3probe");
    wire.send("5", `451-["message",${hole(0)}]`, other);
    assert.deepEqual(await wire.receiveAll(2), [`451-["message-back",${hole(0)}]`, other]);
    await wire.close();
  });
});

suite("B: invalid packets", { application: "B", env: QUIET }, (server) => {
  const deep = (levels) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  const invalid = {
    "an unknown type": ["47"],
    "a type that is no digit": ["4x[]"],
    "an event that is no JSON": ['42["message"'],
    "an event with something behind it": ['42["message"]x'],
    "an event that is an object": ["42{}"],
    "an event that is text": ['42"message"'],
    "an event without a name": ["42[]"],
    "an event whose name is an object": ["42[{}]"],
    "an event whose name is null": ["42[null]"],
    "an event called connect": ['42["connect"]'],
    "an event called connect_error": ['42["connect_error"]'],
    "an event called disconnect": ['42["disconnect"]'],
    "an event called disconnecting": ['42["disconnecting"]'],
    "an event called newListener": ['42["newListener"]'],
    "an event called removeListener": ['42["removeListener"]'],
    "an ack that is an object": ["430{}"],
    "DISCONNECT with a payload": ["41{}"],
    "CONNECT_ERROR from a client": ['44{"message":"no"}'],
    "a binary event without a count": ['45-["message"]'],
    "a binary event with a count of 0": ['450-["message"]'],
    "a binary event with a count that is no number": ['45x-["message"]'],
    "a binary event with more than ten attachments": [`4511-["message",${hole(0)}]`],
    "a text while an attachment is missing": [`451-["message",${hole(0)}]`, '42["message"]'],
    "binary when none is expected": [one],
    "a placeholder behind the attachments": [`451-["message",${hole(1)}]`, one],
    "a placeholder before the attachments": [`451-["message",${hole(-1)}]`, one],
    "a placeholder whose number is text": ['451-["message",{"_placeholder":true,"num":"0"}]', one],
    "a message without data": ["4"],
  };
  const stricter = {
    "nesting deeper than 128": [[`42["message",${deep(200)}]`], "JSON may be nested 128 deep"],
    "a space where the id stands": [['42 ["message"]'], "white space is no digit"],
    "an ack id of more than 64 bits": [['4299999999999999999999["message"]'], "an id has 64 bits"],
    "half an index": [[`451-["message",{"_placeholder":true,"num":0.5}]`, one], "half an index names no attachment"],
  };
  const cases = [
    ...Object.entries(invalid).map(([name, frames]) => [name, frames, {}]),
    ...Object.entries(stricter).map(([name, [frames, why]]) => [name, frames, ours(why)]),
  ];
  for (const [name, frames, options] of cases) {
    test(`${name} closes a WebSocket connection, silently`, options, async () => {
      const wire = await joined(server);
      wire.send(...frames);
      await wire.assertCloses(1005);
    });

    test(`${name} closes a polling connection, and what follows it is not served`, options, async () => {
      const session = await joinedPolling(server);
      const packets = frames.map((frame) => (typeof frame === "string" ? frame : base64(frame)));
      await assertCloses(session, [...packets, '42["message","behind"]'].join("\x1e"));
    });
  }

  test("the connection of a neighbour stays", async () => {
    const neighbour = await joined(server);
    const wire = await joined(server);
    wire.send("4x");
    await wire.assertCloses(1005);
    await assertAnswers(neighbour, '42["message"]', '42["message-back"]');
    await neighbour.close();
  });
});
