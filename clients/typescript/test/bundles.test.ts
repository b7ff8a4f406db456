// The built files in dist/, as pages and programs load them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { MovedClock, openPacket, packageRoot, playedWebSockets, settle } from "./support.js";

const dist = join(packageRoot, "dist");

/** Connects, asks and is answered: enough of the client to notice a name that the build has broken. */
async function works(io: typeof import("../src/index.js").io): Promise<void> {
  const { made, WebSocket } = playedWebSockets();
  const socket = io("http://example.org/chat", {
    transports: ["websocket"],
    forceNew: true,
    clock: new MovedClock(),
    transportOptions: { websocket: { WebSocket } },
  });
  await settle();
  await made[0]!.open();
  await made[0]!.say(openPacket());
  await made[0]!.say('40/chat,{"sid":"ID","pid":"PID"}');
  const answer = socket.timeout(1_000).emitWithAck("ask", new Uint8Array([1]));
  await settle();
  await made[0]!.say('461-/chat,0[{"_placeholder":true,"num":0}]', new Uint8Array([2]).buffer);
  assert.deepEqual(new Uint8Array((await answer) as ArrayBuffer), new Uint8Array([2]));
  assert.equal(socket.id, "ID");
  assert.equal(made[0]!.take()[0], "40/chat,");
  assert.equal(socket.io.engine!.transport.name, "websocket");
  assert.equal(socket.io.engine!.stats.messagesUp, 3);
  socket.disconnect();
  await settle();
  assert.ok(made[0]!.closed);
}

for (const name of ["socket.io.js", "socket.io.min.js"]) {
  const source = readFileSync(join(dist, name), "utf8");

  test(`${name} gives a page the global io with the official names`, async () => {
    const page = createContext({ URLSearchParams, ArrayBuffer, Uint8Array, queueMicrotask, btoa, atob });
    runInContext(source, page);
    const { io } = page as { io: typeof import("../src/index.js").io & Record<string, unknown> };
    assert.equal(typeof io, "function");
    assert.equal(io["connect"], io);
    assert.equal(io["io"], io);
    assert.equal(io["protocol"], 5);
    for (const part of ["Manager", "Connection", "Socket"]) assert.equal(typeof io[part], "function");
    await works(io);
  });

  test(`${name} is a module for CommonJS and leaves the global alone`, () => {
    const module = { exports: {} };
    const program = createContext({ module });
    runInContext(source, program);
    assert.equal(typeof module.exports, "function");
    assert.equal((program as { io?: unknown }).io, undefined);
  });
}

for (const name of ["socket.io.esm.min.js", "sockeye-client.mjs"]) {
  test(`${name} exports the official names`, async () => {
    const module = (await import(pathToFileURL(join(dist, name)).href)) as typeof import("../src/index.js");
    assert.equal(module.default, module.io);
    assert.equal(module.connect, module.io);
    assert.equal(module.Manager, module.Connection);
    assert.equal(module.protocol, 5);
    await works(module.io);
  });
}

describe("source maps", () => {
  test("stand beside each bundle and hold its sources, by paths that name no machine", () => {
    for (const name of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "sockeye-client.mjs"]) {
      assert.ok(readFileSync(join(dist, name), "utf8").endsWith(`//# sourceMappingURL=${name}.map\n`), name);
      const map = JSON.parse(readFileSync(join(dist, `${name}.map`), "utf8")) as {
        sources: string[];
        sourcesContent: string[];
      };
      assert.equal(map.sources.length, map.sourcesContent.length);
      for (const source of map.sources) assert.match(source, /^\.\.\/src\/[\w/]+\.ts$/);
    }
  });
});
