// How an application is started, and what the environment overrides; and the plain WebSocket echo beside them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Polling } from "./support/polling.mjs";
import { answers, freePort, Server } from "./support/server.mjs";
import { PATH, socket } from "./support/socket.mjs";
import { suite } from "./support/suite.mjs";
import { assertTook, sleep, timed } from "./support/time.mjs";
import { Wire } from "./support/websocket.mjs";

const paths = { A: "/engine.io/", B: PATH, C: PATH, D: PATH };

/** Runs `use` against `application` started with `env`. */
async function started(application, env, use, listenOn) {
  const server = new Server(application, env, listenOn);
  try {
    await server.start();
    await use(server);
    server.assertAlive();
  } finally {
    await server.stop();
  }
}

describe("command line: every application", { concurrency: 4, timeout: 120_000 }, () => {
  for (const [application, path] of Object.entries(paths)) {
    test(`${application} listens where --listen says`, async () => {
      await started(application, {}, async (server) => {
        await Polling.connect(server, path);
      });
    });

    test(`${application} takes PING_INTERVAL and PING_TIMEOUT from the environment`, async () => {
      const env = { PING_INTERVAL: "450", PING_TIMEOUT: "350" };
      await started(application, env, async (server) => {
        const { took } = await timed(async () => {
          const opened = await timed(() => Wire.session(server, path));
          const { open } = opened.value;
          assert.equal(open.pingInterval, 450);
          assert.equal(open.pingTimeout, 350);
          const ping = await timed(() => opened.value.receive());
          assert.equal(ping.value, "2");
          assertTook(ping.took + opened.took, 450, "the ping");
          await opened.value.assertCloses(1005);
        });
        assertTook(took, 450 + 350, "the close");
      });
    });

    test(`${application} takes PORT from the environment, over that of --listen`, async () => {
      const port = await freePort();
      await started(application, { PORT: String(port) }, async (server) => {
        await Polling.connect(server, path);
        assert.equal(await answers(server.asked), false, "the port of --listen is not taken as well");
      }, port);
    });

    if (application === "A") continue;
    test(`${application} takes CONNECT_TIMEOUT from the environment`, async () => {
      const env = { CONNECT_TIMEOUT: "400", PING_INTERVAL: "60000" };
      await started(application, env, async (server) => {
        const opened = await timed(() => Wire.session(server, PATH));
        const { took } = await timed(() => opened.value.assertCloses(1005));
        assertTook(took + opened.took, 400, "the close");
        const wire = await socket(server, { greetings: application === "D" ? 0 : 1 });
        await sleep(600);
        assert.equal(wire.code, undefined, "who has joined stays");
        await wire.close();
      });
    });
  }
});

suite("ws_echo: a plain WebSocket echo", { application: "echo" }, (server) => {
  test("there is no Engine.IO: nothing comes before something is sent", async () => {
    const wire = await Wire.connect(server, "/");
    wire.send("first");
    assert.equal(await wire.receive(), "first");
    await wire.close();
  });

  for (const target of ["/", "/engine.io/?EIO=4&transport=websocket", "/socket.io/?EIO=4&transport=websocket", "/any?thing"]) {
    test(`text and binary come back as they were, at ${target}`, async () => {
      const wire = await Wire.connect(server, target);
      const frames = ["text", "", "てすと 😀", Buffer.from([0, 255]), Buffer.alloc(0), "2probe", "40"];
      wire.send(...frames);
      assert.deepEqual(await wire.receiveAll(frames.length), frames);
      await wire.close();
    });
  }

  test("a message of 16 MiB comes back: there is no limit below that", async () => {
    const wire = await Wire.connect(server, "/", { maxPayload: 32 << 20 });
    const bytes = Buffer.alloc(16 << 20, "0123456789abcdef");
    wire.send(bytes);
    assert.ok((await wire.receive()).equals(bytes), "it comes back as it was");
    await wire.close();
  });

  test("a message in many fragments comes back as one", async () => {
    const wire = await Wire.connect(server, "/");
    for (let number = 0; number < 500; number++) wire.socket.send("a", { fin: number === 499 });
    assert.equal(await wire.receive(), "a".repeat(500));
    await wire.close();
  });

  test("a close is answered with its code", async () => {
    const wire = await Wire.connect(server, "/");
    wire.socket.close(1001, "leaving");
    assert.equal((await wire.closed).code, 1001);
  });
});
