// Who hears what: rooms, broadcasts, namespaces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, unique } from "./support/clients.mjs";
import { overEveryClient } from "./support/suite.mjs";

/** Everything of `event` that `socket` hears until a broadcast of `end`. */
function heardUntil(socket, event, end) {
  const heard = [];
  return new Promise((resolve) => {
    socket.on(event, (data) => heard.push(data));
    socket.on("broadcast", (data) => data === end && resolve(heard));
  });
}

overEveryClient("rooms", ({ sockets, nameless }) => {
  test("a broadcast reaches everyone, its sender too", async () => {
    const all = await Promise.all([sockets().connected(), sockets().connected(), sockets().connected()]);
    const mark = unique("everyone");
    const heard = all.map((socket) => new Promise((resolve) => socket.on("broadcast", (data) => data === mark && resolve(true))));
    all[0].emit("broadcast", mark);
    assert.deepEqual(await Promise.all(heard), [true, true, true]);
  });

  test("a room hears its events and nobody else does", async () => {
    const [inside, outside] = await Promise.all([sockets().connected(), sockets().connected()]);
    const room = unique("room");
    const end = unique("end");
    await acknowledged(inside, "join", room);
    const heard = [heardUntil(inside, "room", end), heardUntil(outside, "room", end)];
    outside.emit("room", room, "first");
    outside.emit("room", room, { second: 2 });
    outside.emit("room", unique("empty"), "for no one");
    outside.emit("broadcast", end);
    assert.deepEqual(await Promise.all(heard), [["first", { second: 2 }], []]);
  });

  test("a socket in two rooms hears both", async () => {
    const socket = await sockets().connected();
    const [one, two] = [unique("room"), unique("room")];
    const end = unique("end");
    await acknowledged(socket, "join", one);
    await acknowledged(socket, "join", two);
    const heard = heardUntil(socket, "room", end);
    for (const room of [one, two, one]) socket.emit("room", room, room);
    socket.emit("broadcast", end);
    assert.deepEqual(await heard, [one, two, one]);
  });

  test("joining twice hears once", async () => {
    const socket = await sockets().connected();
    const room = unique("room");
    const end = unique("end");
    await acknowledged(socket, "join", room);
    await acknowledged(socket, "join", room);
    const heard = heardUntil(socket, "room", end);
    socket.emit("room", room, "once");
    socket.emit("broadcast", end);
    assert.deepEqual(await heard, ["once"]);
  });

  test("a socket's own id is a room", { skip: nameless }, async () => {
    const [sender, receiver] = await Promise.all([sockets().connected(), sockets().connected()]);
    const heard = new Promise((resolve) => receiver.on("room", resolve));
    sender.emit("room", receiver.id, "for you");
    assert.equal(await heard, "for you");
  });

  test("a room of one namespace is not that of another", async () => {
    const [main, custom] = await Promise.all([sockets().connected(), sockets().connected("/custom")]);
    const room = unique("room");
    const end = unique("end");
    await Promise.all([acknowledged(main, "join", room), acknowledged(custom, "join", room)]);
    const heard = [heardUntil(main, "room", end), heardUntil(custom, "room", end)];
    main.emit("room", room, "main");
    custom.emit("room", room, "custom");
    main.emit("broadcast", end);
    custom.emit("broadcast", end);
    assert.deepEqual(await Promise.all(heard), [["main"], ["custom"]]);
  });

  test("a broadcast and a direct answer arrive in the order of their causes", async () => {
    const socket = await sockets().connected();
    const mark = unique("order");
    const order = [];
    const done = new Promise((resolve) => {
      socket.on("broadcast", (data) => { if (data?.mark === mark) order.push(`broadcast ${data.number}`); });
      for (let number = 0; number < 100; number++) {
        socket.emit("broadcast", { mark, number });
        socket.emit("echo", number, () => { if (order.push(`ack ${number}`) === 200) resolve(); });
      }
    });
    await done;
    assert.deepEqual(order, Array.from({ length: 100 }, (_, number) => [`broadcast ${number}`, `ack ${number}`]).flat());
  });
});
