// What this window's technique costs: the counters of its session over the last minute and in all, and its latency. Shows nothing.

import { tap } from "./tap.js";

const minute = 60_000; // ms
const pingsKept = 20;
const fields = ["requests", "bytesUp", "bytesDown", "messagesUp", "messagesDown"];

// A page does not see headers. What Chromium sends with a same-origin GET besides its user agent and address, and what this server
// answers with, counted once in a recording; a WebSocket's handshake is of the same order.
const headersUp = 420;
const headersDown = 190;

const zero = () => Object.fromEntries(fields.map((field) => [field, 0]));

export class Meter {
  #engine = null;
  #before = zero();
  #total = zero();
  #samples = []; // { at, total }
  #pings = [];

  /** Another technique: counts from nothing. */
  reset() {
    // The tap goes on counting over all techniques; the client's counters belong to a session.
    this.#engine = null;
    this.#before = { ...tap.stats };
    this.#total = zero();
    this.#samples = [];
    this.#pings = [];
  }

  /** Reads the counters; call it a few times a second. A session's engine is another one after each reconnection. */
  sample(engine) {
    const counters = engine?.stats ?? tap.stats;
    if (engine?.stats && engine !== this.#engine) this.#before = zero();
    this.#engine = engine;
    for (const field of fields) this.#total[field] += counters[field] - this.#before[field];
    this.#before = { ...counters };
    const at = performance.now();
    this.#samples.push({ at, total: { ...this.#total } });
    // One sample older than the minute stays: it is what the minute is counted from.
    while (this.#samples.length > 1 && this.#samples[1].at < at - minute) this.#samples.shift();
  }

  ping(milliseconds) {
    this.#pings.push(milliseconds);
    if (this.#pings.length > pingsKept) this.#pings.shift();
  }

  /** `{ minute, total, pings, p50 }`: counters with `messages` and `headers` (bytes, estimated); `p50` in ms, null before the first ping. */
  read() {
    const first = this.#samples[0];
    const whole = !first || first.at > performance.now() - minute;
    const since = whole ? zero() : first.total;
    const recent = Object.fromEntries(fields.map((field) => [field, this.#total[field] - since[field]]));
    const sorted = [...this.#pings].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    const p50 = sorted.length === 0 ? null : sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    return { minute: complete(recent), total: complete(this.#total), pings: sorted.length, p50 };
  }
}

function complete(counters) {
  const perRequest = headersUp + navigator.userAgent.length + location.host.length + headersDown;
  return {
    ...counters,
    messages: counters.messagesUp + counters.messagesDown,
    headers: counters.requests * perRequest,
  };
}
