// The servers under test.
//
// TARGET_COMMAND  how to start an application of spec/conformance.md, mostly C, as a JSON array; "{listen}" becomes ADDRESS:PORT
// TARGET          `original` when that server is the original one: the tests of what it does not keep are skipped
//
// The first is needed: a test that cannot run is a test that fails.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect } from "node:net";

/** Whether the original server is under test, to show that the tests themselves are right. */
export const original = process.env.TARGET === "original";

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** A server of our own on `port`, with `env` over ours; resolves when it takes connections. */
export async function start(port, env = {}) {
  assert.ok(process.env.TARGET_COMMAND, "TARGET_COMMAND is missing: how to start an application, a JSON array");
  const command = JSON.parse(process.env.TARGET_COMMAND);
  const [program, ...args] = command.map((part) => part.replace("{listen}", `127.0.0.1:${port}`));
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "inherit"] });
  const exited = once(child, "exit");
  process.once("exit", () => child.kill("SIGKILL"));
  const deadline = Date.now() + 10_000;
  for (;;) {
    if (await answers(port)) break;
    assert.equal(child.exitCode, null, `${program} ended with ${child.exitCode} before it listened`);
    assert.ok(Date.now() < deadline, `${program} did not listen on ${port} within 10 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: `http://127.0.0.1:${port}`,
    /** Lets this process end before it; it is killed then, too. */
    unref() {
      child.unref();
    },
    /** Kills it, so that its connections are cut. */
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}

function answers(port) {
  return new Promise((resolve) => {
    const probe = connect({ host: "127.0.0.1", port });
    probe.once("connect", () => { probe.destroy(); resolve(true); });
    probe.once("error", () => resolve(false));
  });
}

const shared = await start(await freePort());
shared.unref();

/** The server of all tests in one file: files run beside each other, and a broadcast reaches everyone. */
export const { url } = shared;
