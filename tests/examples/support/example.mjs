// One example as a process of its own, and official clients of it.
//
// EXAMPLES   the folder in which cargo built the examples, e.g. target/debug/examples

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { io } from "socket.io-client";

/** How long anything may take that is not about time itself. */
export const PATIENCE = 10_000;

/** The example of this name: it runs while the tests of a file do, and their clients are closed behind each. */
export function example(name, { args = [], scheme = "http" } = {}) {
  const running = new Example(name, args, scheme);
  before(() => running.start());
  afterEach(() => running.closeClients());
  after(() => running.stop());
  return running;
}

class Example {
  #name;
  #args;
  #scheme;
  #child;
  #exited;
  #clients = [];
  #waiting = new Set();

  /** What it has printed since it was started last. */
  output = "";
  port;

  constructor(name, args, scheme) {
    this.#name = name;
    this.#args = args;
    this.#scheme = scheme;
  }

  get url() {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  async start() {
    const folder = process.env.EXAMPLES;
    assert.ok(folder, "EXAMPLES is missing: the folder in which cargo built the examples");
    this.port ??= await freePort();
    this.output = "";
    this.#child = spawn(join(folder, this.#name), [`127.0.0.1:${this.port}`, ...this.#args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#exited = once(this.#child, "exit");
    const child = this.#child;
    process.once("exit", () => child.kill("SIGKILL"));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        this.output += text;
        for (const look of this.#waiting) look();
      });
    }
    const deadline = Date.now() + PATIENCE;
    while (!(await answers(this.port))) {
      assert.equal(child.exitCode, null, `${this.#name} ended with ${child.exitCode} before it listened:\n${this.output}`);
      assert.ok(Date.now() < deadline, `${this.#name} did not listen on ${this.port} within ${PATIENCE} ms`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it with a signal; gives its exit code, `null` when it was the signal that ended it. */
  async stop(signal = "SIGKILL") {
    this.closeClients();
    return this.end(signal);
  }

  /** As `stop`, without a word to its clients. */
  async end(signal) {
    this.#child?.kill(signal);
    const [code] = (await this.#exited) ?? [];
    return code;
  }

  /** Resolves when it has printed `text` that many times. */
  prints(text, times = 1) {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`${this.#name} did not print ${JSON.stringify(text)} ${times} times, but:\n${this.output}`));
      }, PATIENCE);
      const look = () => {
        if (this.output.split(text).length > times) {
          done();
          resolve();
        }
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** A client with a connection of its own, which has not begun to connect. */
  client(namespace = "/", options = {}) {
    const socket = io(this.url + namespace, { forceNew: true, autoConnect: false, reconnection: false, ...options });
    this.#clients.push(socket);
    return socket;
  }

  /** A connected client. */
  async connected(namespace, options) {
    const socket = this.client(namespace, options);
    const connected = next(socket, "connect");
    socket.connect();
    await connected;
    return socket;
  }

  /** What a client is told that is refused. */
  async refused(namespace, options) {
    const socket = this.client(namespace, options);
    const [refusal] = await new Promise((resolve, reject) => {
      socket.once("connect_error", (error) => resolve([error]));
      socket.once("connect", () => reject(new Error(`${namespace} let it in`)));
      socket.connect();
    });
    return refusal;
  }

  closeClients() {
    for (const socket of this.#clients.splice(0)) {
      socket.disconnect();
      socket.io.engine?.close();
    }
  }
}

/** The arguments of the next `event`, or of the next that fits; fails when it does not come, or the peer is refused. */
export function next(emitter, event, fits = () => true) {
  return new Promise((resolve, reject) => {
    const settle = (end) => (value) => {
      clearTimeout(timer);
      emitter.off(event, heard);
      emitter.off("connect_error", failed);
      end(value);
    };
    const heard = (...args) => fits(...args) && settle(resolve)(args);
    const failed = (error) => settle(reject)(new Error(`waiting for ${event}: ${error.message}`));
    const timer = setTimeout(() => failed(new Error(`nothing within ${PATIENCE} ms`)), PATIENCE);
    emitter.on(event, heard);
    emitter.on("connect_error", failed);
  });
}

/** All that a client hears from now on, as `[event, ...arguments]`. */
export function heard(socket) {
  const all = [];
  socket.onAny((...event) => all.push(event));
  return all;
}

/** What is acknowledged; fails when nothing is. */
export function ask(socket, event, ...args) {
  return socket.timeout(PATIENCE).emitWithAck(event, ...args);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const probe = connect({ host: "127.0.0.1", port });
    probe.once("connect", () => { probe.destroy(); resolve(true); });
    probe.once("error", () => resolve(false));
  });
}
