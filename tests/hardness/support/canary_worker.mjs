// The canaries, on an event loop of their own, so that no attacker's work delays them.
//
// A canary is a WebSocket client that was there before, and is to be answered whatever happens. Beside it newcomers come in
// by turns over polling and over a WebSocket, ask one thing, and leave.

import { parentPort } from "node:worker_threads";
import { request } from "../../conformance/support/http.mjs";
import { sleep, within } from "../../conformance/support/time.mjs";
import { Wire } from "../../conformance/support/websocket.mjs";
import { FORMATS, message, payload } from "./formats.mjs";
import { PATH } from "./peer.mjs";

/** Milliseconds between an answer and the next question. */
const PAUSE = 20;
/** Between two newcomers. */
const VISITS = 150;
/** After so long an answer counts as never given. */
const NEVER = 10_000;

let asked = 0;
const word = () => `canary-${++asked}-`;

/** Waits for the message that `found` says is the one; pings are answered on the way. */
async function until(wire, found) {
  for (;;) {
    const frame = await wire.receive(NEVER);
    if (frame === "2") wire.send("3");
    else if (found(frame)) return;
  }
}

async function connect(server, format) {
  const wire = await Wire.connect(server, `${PATH}?EIO=4&transport=websocket`);
  wire.send(format.connect);
  await until(wire, format.isConnected);
  return wire;
}

async function ask(wire, format) {
  const nonce = word();
  wire.send(format.echo(nonce, 7));
  await until(wire, (frame) => format.has(frame, nonce));
}

/** A client that comes in over a WebSocket. */
async function visitByWebSocket(server, format) {
  const wire = await connect(server, format);
  await ask(wire, format);
  wire.socket.terminate();
}

/** One that polls. */
async function visitByPolling(server, format) {
  const base = `${PATH}?EIO=4&transport=polling`;
  const open = await request(server, base, { limit: NEVER });
  if (open.status !== 200) throw new Error(`the handshake of a newcomer was answered ${open.status} ${open.text}`);
  const target = `${base}&sid=${JSON.parse(open.text.split("\x1e")[0].slice(1)).sid}`;
  const nonce = word();
  const body = `${payload(format.connect)}\x1e${payload(format.echo(nonce, 7))}`;
  const post = await request(server, target, { method: "POST", body, limit: NEVER });
  if (post.status !== 200) throw new Error(`the POST of a newcomer was answered ${post.status}`);
  for (let answered = false; !answered;) {
    const got = await request(server, target, { limit: NEVER });
    if (got.status !== 200) throw new Error(`the GET of a newcomer was answered ${got.status}`);
    answered = got.text.split("\x1e").some((packet) => format.has(message(packet), nonce));
  }
  await request(server, target, { method: "POST", body: "1", limit: NEVER });
}

const WAYS = [["polling", visitByPolling], ["WebSocket", visitByWebSocket]];

class Canary {
  constructor(server, { format = "text", visits = true } = {}) {
    Object.assign(this, { server, format: FORMATS[format], visits });
    this.faults = [];
    this.reset();
  }

  reset() {
    Object.assign(this, { worst: 0, answers: 0, worstVisit: 0, visitors: 0, noise: 0 });
  }

  async start() {
    this.wire = await connect(this.server, this.format);
    for (let warm = 0; warm < 3; warm++) await ask(this.wire, this.format);
    await this.visit();
    this.reset();
    this.runs = true;
    this.asking = this.#ask();
    this.visiting = this.#visit();
    this.listening = this.#listen();
  }

  async #ask() {
    while (this.runs) {
      const started = performance.now();
      try {
        await ask(this.wire, this.format);
      } catch (error) {
        this.worst = Math.max(this.worst, performance.now() - started);
        if (this.runs) this.faults.push(`the canary was not answered: ${error.message}`);
        return;
      }
      this.worst = Math.max(this.worst, performance.now() - started);
      this.answers++;
      await sleep(PAUSE);
    }
  }

  async #visit() {
    while (this.runs) {
      if (this.visits) await this.#one(WAYS[this.visitors % 2]);
      await sleep(VISITS);
    }
  }

  async #one([name, way]) {
    const started = performance.now();
    try {
      await within(NEVER, way(this.server, this.format), `${name} for a newcomer`);
    } catch (error) {
      this.faults.push(`a newcomer over ${name} did not come in: ${error.message}`);
    }
    this.worstVisit = Math.max(this.worstVisit, performance.now() - started);
    this.visitors++;
  }

  /** One newcomer over each. */
  async visit() {
    for (const way of WAYS) await this.#one(way);
  }

  /** How late this loop itself is: of that a server is not guilty. */
  async #listen() {
    while (this.runs) {
      const started = performance.now();
      await sleep(PAUSE);
      this.noise = Math.max(this.noise, performance.now() - started - PAUSE);
    }
  }

  get report() {
    const { worst, answers, worstVisit, visitors, noise, faults } = this;
    return { worst, answers, worstVisit, visitors, noise, faults };
  }

  async stop() {
    this.runs = false;
    await Promise.all([this.asking, this.visiting, this.listening]);
  }
}

const canaries = new Map();

const DEEDS = {
  async start({ canary, server, options }) {
    const made = new Canary(server, options);
    canaries.set(canary, made);
    await made.start();
  },
  /** What it has seen so far. */
  async look({ canary }) { return canaries.get(canary).report; },
  async reset({ canary }) { canaries.get(canary).reset(); },
  /** Begins or ends to send newcomers. */
  async visits({ canary, visits }) { canaries.get(canary).visits = visits; },
  /** Lets newcomers in once more, and ends: the canary stays connected until `leave`. */
  async finish({ canary }) {
    const one = canaries.get(canary);
    await one.stop();
    await one.visit();
    return one.report;
  },
  async leave({ canary }) {
    const one = canaries.get(canary);
    canaries.delete(canary);
    if (!one) return;
    one.runs = false;
    one.wire?.socket.terminate();
  },
};

parentPort.on("message", async ({ call, deed, ...rest }) => {
  try {
    parentPort.postMessage({ call, value: await DEEDS[deed](rest) });
  } catch (error) {
    parentPort.postMessage({ call, error: error.stack });
  }
});
