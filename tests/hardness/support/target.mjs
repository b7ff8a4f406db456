// The server under attack: a process of its own, and what the system says of it.
//
// HARDNESS_CONFORMANCE  the program of examples/conformance, by default its release build
// HARDNESS_EXAMPLE      that of examples/hardness
// HARDNESS_SOCKEYE      the `sockeye` binary

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { answers, freePort } from "../../conformance/support/server.mjs";
import { sleep } from "../../conformance/support/time.mjs";

const HOST = "127.0.0.1";
/** Milliseconds until it listens. */
const START = 20_000;
/** What is kept of what it says. */
const SAID = 65_536;

const built = (name) => fileURLToPath(new URL(`../../../target/release/${name}`, import.meta.url));

/** Command lines, by the application that a row names. */
const PROGRAMS = {
  C: (listen) => [process.env.HARDNESS_CONFORMANCE ?? built("examples/conformance"), "C", "--listen", listen],
  hardness: (listen) => [process.env.HARDNESS_EXAMPLE ?? built("examples/hardness"), "--listen", listen],
  sockeye: (listen) => [process.env.HARDNESS_SOCKEYE ?? built("sockeye"), "serve", "--listen", listen],
};

/** One process. */
export class Target {
  /**
   * `args` follow the command; `files` is how many it may open; `preload` is a library; `silenced` sends both its streams to
   * /dev/full, where every write fails.
   */
  constructor(application, { env = {}, args = [], files = undefined, preload = undefined, silenced = false } = {}) {
    Object.assign(this, { application, env, args, files, preload, silenced });
    this.host = HOST;
    this.said = "";
    this.panics = 0;
  }

  /** Resolves when it takes connections. */
  async start() {
    this.port = await freePort();
    return this.#spawn();
  }

  /** Kills it without a warning, and starts it again where it was. */
  async restart() {
    await this.stop();
    return this.#spawn();
  }

  async #spawn() {
    const command = [...PROGRAMS[this.application](`${HOST}:${this.port}`), ...this.args];
    // `exec` keeps the process id ours.
    const prelude = [
      ...(this.files ? [`ulimit -n ${this.files}`] : []),
      `exec "$@"${this.silenced ? " >/dev/full 2>/dev/full" : ""}`,
    ].join("; ");
    // Backtraces make a process read the names of all its functions, once: tens of megabytes that say nothing of the server.
    const env = { ...process.env, NO_COLOR: "1", RUST_BACKTRACE: "0", ...(this.preload && { LD_PRELOAD: this.preload }), ...this.env };
    this.process = spawn("sh", ["-c", prelude, "sh", ...command], { env, stdio: ["ignore", "pipe", "pipe"] });
    const hear = (chunk) => {
      const text = this.said.slice(-20) + chunk;
      this.panics += text.split("panicked at").length - this.said.slice(-20).split("panicked at").length;
      this.said = (this.said + chunk).slice(-SAID);
    };
    this.process.stdout.on("data", hear);
    this.process.stderr.on("data", hear);
    this.exited = new Promise((resolve) => {
      this.process.once("error", (error) => { hear(error.message); resolve({}); });
      this.process.once("exit", (code, signal) => resolve({ code, signal }));
    });
    this.last = () => this.process.kill("SIGKILL");
    process.once("exit", this.last);
    const deadline = performance.now() + START;
    while (!(await answers(this.port))) {
      assert.ok(this.isAlive(), `${command.join(" ")} ended before it listened: ${this.said}`);
      assert.ok(performance.now() < deadline, `${command.join(" ")} did not listen in time: ${this.said}`);
      await sleep(5);
    }
    return this;
  }

  isAlive() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Fails when it has ended, or has panicked more often than it was told to. */
  assertAlive(panics = 0) {
    assert.ok(this.isAlive(), `the server ended, with ${this.process.exitCode ?? this.process.signalCode}: ${this.said}`);
    assert.equal(this.panics, panics, `the server panicked: ${this.said}`);
  }

  async stop() {
    if (!this.process) return;
    process.removeListener("exit", this.last);
    if (this.isAlive()) this.process.kill("SIGKILL");
    await this.exited;
  }

  signal(name) {
    this.process.kill(name);
  }

  get pid() { return this.process.pid; }
  get http() { return `http://${HOST}:${this.port}`; }
  get ws() { return `ws://${HOST}:${this.port}`; }

  #status(field) {
    return Number(readFileSync(`/proc/${this.pid}/status`, "latin1").match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))[1]) * 1024;
  }

  /** Resident bytes now. */
  get memory() { return this.#status("VmRSS"); }

  /** The most that were resident since `forgetPeak`. */
  get peak() { return this.#status("VmHWM"); }

  forgetPeak() { writeFileSync(`/proc/${this.pid}/clear_refs`, "5"); }

  /** Files that are open. */
  get fileCount() { return readdirSync(`/proc/${this.pid}/fd`).length; }

  /** Milliseconds of processor that it has used; the system counts in steps of 10. */
  get processorTime() {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "latin1").split(") ")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }
}
