// Application C with the official client, unmodified: each way it takes, in both namespaces.

import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledged, client, connected, next, settled, ways, whenConnected } from "./support/client.mjs";
import { QUIET, suite } from "./support/suite.mjs";
import { assertTook, PATIENCE, sleep, timed, within } from "./support/time.mjs";

const QUESTIONS = [[], [1, "two", { three: [3] }, null], ["てすと 😀"]];

for (const [way, options] of Object.entries(ways)) {
  for (const namespace of ["/", "/custom"]) {
    suite(`C: ${namespace} with the official client, ${way}`, { application: "C", env: QUIET }, (server) => {
      const connect = (t, more = {}) => connected(t, server, namespace, { ...options, ...more });

      test("auth comes at connection", async (t) => {
        const socket = client(t, server, namespace, { ...options, auth: { token: "abc" } });
        assert.deepEqual(await next(socket, "auth"), [{ token: "abc" }]);
      });

      test("echo acknowledges with its arguments", async (t) => {
        const socket = await connect(t);
        for (const args of QUESTIONS) assert.deepEqual(await acknowledged(socket, "echo", ...args), args);
      });

      test("echo acknowledges with binary", async (t) => {
        const socket = await connect(t);
        const bytes = Buffer.from([0, 1, 254, 255]);
        assert.deepEqual(await acknowledged(socket, "echo", { bytes }, bytes), [{ bytes }, bytes]);
      });

      test("join acknowledges, and room reaches who joined", async (t) => {
        const [inside, outside] = await Promise.all([connect(t), connect(t)]);
        assert.deepEqual(await acknowledged(inside, "join", "den"), []);
        const strangers = [];
        outside.on("room", (data) => strangers.push(data));
        const heard = next(inside, "room");
        outside.emit("room", "den", { said: Buffer.from("hello") });
        assert.deepEqual(await heard, [{ said: Buffer.from("hello") }]);
        await acknowledged(outside, "echo");
        assert.deepEqual(strangers, []);
      });

      test("broadcast reaches everyone, its sender too", async (t) => {
        const sockets = await Promise.all([connect(t), connect(t), connect(t)]);
        const heard = sockets.map((socket) => new Promise((resolve) => {
          socket.on("broadcast", (data) => { if (data === way) resolve(); });
        }));
        sockets[0].emit("broadcast", way);
        await within(PATIENCE, Promise.all(heard), "the broadcast");
      });

      test("ask asks its sender, and answered brings the answer", async (t) => {
        const socket = await connect(t);
        socket.on("ask", (question, ack) => ack(question, 42));
        let heard = ["unanswered"];
        // On a machine that stalls for a second the question lapses; then it is asked again.
        for (let asked = 0; asked < 5 && heard[0] === "unanswered"; asked++) {
          const reply = new Promise((resolve) => socket.onAny(function hear(...args) {
            if (args[0] !== "answered" && args[0] !== "unanswered") return;
            socket.offAny(hear);
            resolve(args);
          }));
          socket.emit("ask", "what");
          heard = await within(PATIENCE, reply, "the reply");
        }
        assert.deepEqual(heard, ["answered", "what", 42]);
      });

      test("ask without an answer becomes unanswered after 1 s", async (t) => {
        const socket = await connect(t);
        const { took } = await timed(() => {
          const unanswered = next(socket, "unanswered");
          socket.emit("ask", "anyone?");
          return unanswered;
        });
        assertTook(took, 1_000, "unanswered");
      });

      test("kick disconnects its sender, who says io server disconnect", async (t) => {
        const socket = await connect(t);
        const left = next(socket, "disconnect");
        socket.emit("kick", false);
        assert.equal((await left)[0], "io server disconnect");
      });

      test("kick with true closes the whole connection, and tells every socket of it", async (t) => {
        const socket = await connect(t);
        const neighbour = socket.io.socket(namespace === "/" ? "/custom" : "/");
        await whenConnected(neighbour);
        const left = Promise.all([next(socket, "disconnect"), next(neighbour, "disconnect")]);
        const closed = new Promise((resolve) => socket.io.once("close", resolve));
        socket.emit("kick", true);
        assert.deepEqual((await left).map(([why]) => why), ["io server disconnect", "io server disconnect"]);
        await within(PATIENCE, closed, "the end of the connection");
      });

      test("reason says why a socket left, and null of one that is here", async (t) => {
        const [asker, leaver] = await Promise.all([connect(t), connect(t)]);
        const { id } = leaver;
        assert.deepEqual(await acknowledged(asker, "reason", id), [null]);
        leaver.disconnect();
        let reason = null;
        for (let asked = 0; reason === null && asked < 200; asked++) {
          [reason] = await acknowledged(asker, "reason", id);
          await sleep(10);
        }
        assert.equal(reason, "client namespace disconnect");
      });

      test("500 echoes asked at once are acknowledged complete and in order, whatever moves meanwhile", async (t) => {
        const socket = await connect(t);
        const order = [];
        const all = new Promise((resolve) => {
          for (let number = 0; number < 500; number++) {
            socket.emit("echo", number, (answer) => { if (order.push(answer) === 500) resolve(); });
          }
        });
        await within(PATIENCE, all, "the last ack");
        assert.deepEqual(order, Array.from({ length: 500 }, (_, number) => number));
        if (way === "polling, then upgrade") await settled(socket);
      });
    });
  }
}

suite("C: limits and other namespaces with the official client", { application: "C", env: QUIET }, (server) => {
  test("an unknown namespace is refused as invalid, and the connection serves others", async (t) => {
    const socket = client(t, server, "/nope");
    const [error] = await next(socket, "connect_error");
    assert.equal(error.message, "Invalid namespace");
    const other = socket.io.socket("/custom");
    await whenConnected(other);
  });

  for (const [way, options] of Object.entries(ways)) {
    test(`/dyn/<word> connects and has the events of C: ${way}`, async (t) => {
      const socket = await connected(t, server, "/dyn/other", options);
      assert.deepEqual(await acknowledged(socket, "echo", 1), [1]);
    });
  }

  test("an event over max payload ends the connection over WebSocket", async (t) => {
    const socket = await connected(t, server, "/", ways.WebSocket);
    const left = next(socket, "disconnect");
    socket.emit("echo", "a".repeat(1_000_000));
    await left;
  });
});
