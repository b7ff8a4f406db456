// Clients that send in the very tick in which they see CONNECT.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE } from "./support/clients.mjs";
import { overEveryClient } from "./support/suite.mjs";

const CLIENTS = 200;

overEveryClient("early events", ({ sockets }) => {
  test("200 clients that send in the tick of connect lose nothing", async () => {
    const answers = await Promise.all(Array.from({ length: CLIENTS }, (_, number) => new Promise((resolve, reject) => {
      const socket = sockets().idle();
      const timer = setTimeout(() => reject(new Error(`client ${number} heard nothing`)), 2 * PATIENCE);
      const heard = [];
      socket.on("connect_error", reject);
      socket.on("connect", () => {
        for (const word of ["first", "second"]) {
          socket.emit("echo", number, word, (...answer) => {
            if (heard.push(answer) === 2) { clearTimeout(timer); resolve(heard); }
          });
        }
      });
      socket.connect();
    })));
    assert.deepEqual(answers, Array.from({ length: CLIENTS }, (_, number) => [[number, "first"], [number, "second"]]));
  });

  test("events emitted before the connection are sent in order when it stands", async () => {
    const socket = sockets().idle();
    const answers = [];
    const done = new Promise((resolve) => {
      for (let number = 0; number < 20; number++) socket.emit("echo", number, (answer) => answers.push(answer) === 20 && resolve());
    });
    socket.connect();
    await done;
    assert.deepEqual(answers, Array.from({ length: 20 }, (_, number) => number));
  });
});
