// The server under test, one process for each suite.
//
// CONFORMANCE_COMMAND    how to start an application, by default the release build of examples/conformance: a
//                        program, called as `<program> <application> --listen ADDRESS:PORT`, or a JSON array
//                        in which "{application}" and "{listen}" are replaced (they follow where they are absent).
// CONFORMANCE_ECHO       the same for the plain WebSocket echo (no application); by default `ws_echo` beside the
//                        program above.
// CONFORMANCE_REFERENCE  `1` when the command starts the original packages, to show that the cases are right.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const DEFAULT_COMMAND = fileURLToPath(new URL("../../../target/release/examples/conformance", import.meta.url));
const START_LIMIT = 60_000;
const HOST = "127.0.0.1";

/** Whether the original packages are under test. */
export const reference = process.env.CONFORMANCE_REFERENCE === "1";

function words(text) {
  return text.startsWith("[") ? JSON.parse(text) : [text];
}

/** The command line of `application`, one of `A` to `D`, or `echo`. */
export function commandLine(application, listen) {
  const main = words(process.env.CONFORMANCE_COMMAND ?? DEFAULT_COMMAND);
  if (application === "echo") {
    const echo = words(process.env.CONFORMANCE_ECHO ?? join(dirname(main[0]), "ws_echo"));
    if (!echo.includes("{listen}")) echo.push("--listen", "{listen}");
    return echo.map((word) => word.replace("{listen}", listen));
  }
  if (!main.includes("{application}")) main.push("{application}");
  if (!main.includes("{listen}")) main.push("--listen", "{listen}");
  return main.map((word) => word.replace("{application}", application).replace("{listen}", listen));
}

/** A port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Whether something accepts connections on `port`. */
export function answers(port) {
  return new Promise((resolve) => {
    const probe = connect({ host: HOST, port });
    probe.once("connect", () => { probe.destroy(); resolve(true); });
    probe.once("error", () => resolve(false));
  });
}

/** One application in a process of its own. */
export class Server {
  /** `env` goes over ours; `listenOn` is the port where it is expected, when that is not the one of `--listen`. */
  constructor(application, env = {}, listenOn = undefined) {
    this.application = application;
    this.env = env;
    this.listenOn = listenOn;
    this.said = "";
  }

  /** Resolves when it takes connections. */
  async start() {
    const asked = await freePort();
    this.port = this.listenOn ?? asked;
    this.asked = asked;
    const [program, ...args] = commandLine(this.application, `${HOST}:${asked}`);
    const env = { ...process.env, ...this.env };
    this.process = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const hear = (chunk) => { this.said = (this.said + chunk).slice(-8_192); };
    this.process.stdout.on("data", hear);
    this.process.stderr.on("data", hear);
    this.exited = new Promise((resolve) => {
      this.process.once("error", (error) => { hear(error.message); resolve(); });
      this.process.once("exit", resolve);
    });
    let ended = false;
    this.exited.then(() => { ended = true; });
    // A runner that is stopped in the middle leaves no server behind.
    this.last = () => this.process.kill("SIGKILL");
    process.once("exit", this.last);
    const deadline = Date.now() + START_LIMIT;
    while (!(await answers(this.port))) {
      assert.ok(!ended, `${[program, ...args].join(" ")} ended before it listened: ${this.said}`);
      assert.ok(Date.now() < deadline, `${program} did not listen on ${this.port} in time: ${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this;
  }

  /** Fails when the process ended, or said that it panicked: no case may cost a server its life. */
  assertAlive() {
    assert.ok(this.process.exitCode === null && this.process.signalCode === null, `the server ended: ${this.said}`);
    assert.doesNotMatch(this.said, /panicked at/, "the server panicked");
  }

  async stop() {
    if (!this.process) return;
    process.removeListener("exit", this.last);
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGKILL");
    await this.exited;
  }

  get http() { return `http://${HOST}:${this.port}`; }
  get ws() { return `ws://${HOST}:${this.port}`; }
  get host() { return HOST; }
}
