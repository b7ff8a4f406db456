// Application C to clients of Engine.IO 3, in raw packets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "./support/http.mjs";
import { PATH } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { Wire } from "./support/websocket.mjs";

/** The packets of a text payload: of ASCII, so lengths are characters. */
function packets(payload) {
  const found = [];
  for (let rest = payload; rest !== ""; ) {
    const [, length] = rest.match(/^(\d+):/);
    const start = length.length + 1;
    found.push(rest.slice(start, start + Number(length)));
    rest = rest.slice(start + Number(length));
  }
  return found;
}

suite("C: protocol 3", { application: "C", env: QUIET }, (server) => {
  test("a handshake without EIO=4 is answered in protocol 3, and has joined /", async () => {
    for (const query of ["EIO=3&", ""]) {
      const { status, text } = await request(server, `${PATH}?${query}transport=polling`);
      assert.equal(status, 200);
      const [open, ...came] = packets(text);
      assert.equal(open[0], "0");
      const { sid, upgrades } = JSON.parse(open.slice(1));
      assert.deepEqual(upgrades, ["websocket"]);
      // What follows the open packet may come with it, or later.
      while (came.length < 2) came.push(...packets((await request(server, `${PATH}?${query}transport=polling&sid=${sid}`)).text));
      assert.deepEqual(came, ["40", '42["auth",{}]']);
    }
  });

  test("a page that polls by scripts is answered in one", async () => {
    for (const [query, open] of [["EIO=3", /^___eio\[7\]\("\d+:0\{/], ["EIO=4", /^___eio\[7\]\("0\{/]]) {
      const { text } = await request(server, `${PATH}?${query}&transport=polling&j=7`);
      assert.match(text, open);
      assert.match(text, /"\);$/);
    }
  });

  test("echo acknowledges over a WebSocket of protocol 3", async () => {
    const wire = await Wire.connect(server, `${PATH}?EIO=3&transport=websocket`);
    assert.equal((await wire.receive())[0], "0");
    assert.equal(await wire.receive(), "40");
    assert.equal(await wire.receive(), '42["auth",{}]');
    wire.send('421["echo",1,"two"]');
    assert.equal(await wire.receive(), '431[1,"two"]');
    wire.send('451-2["echo",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2]));
    assert.deepEqual(await wire.receiveAll(2), ['461-2[{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2])]);
    wire.send("2");
    assert.equal(await wire.receive(), "3", "the client pings");
    await wire.close();
  });
});
