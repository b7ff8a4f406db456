// The attacker's side of the canaries: one worker has them all.

import { Worker } from "node:worker_threads";

let worker;
let calls = 0;
const waiting = new Map();

function call(deed, rest) {
  if (!worker) {
    worker = new Worker(new URL("./canary_worker.mjs", import.meta.url));
    worker.on("message", ({ call: number, value, error }) => {
      const { resolve, reject } = waiting.get(number);
      waiting.delete(number);
      if (error) reject(new Error(error));
      else resolve(value);
    });
    worker.on("error", (error) => {
      for (const { reject } of waiting.values()) reject(error);
    });
    worker.unref();
  }
  const number = ++calls;
  return new Promise((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    worker.ref();
    worker.postMessage({ call: number, deed, ...rest });
  }).finally(() => { if (waiting.size === 0) worker.unref(); });
}

let canaries = 0;

export class Canary {
  /** One that has connected to `server` and is answered. `visits` is whether newcomers come all the time. */
  static async start({ host, port, ws, http }, options) {
    const canary = new Canary();
    canary.canary = ++canaries;
    canary.options = options;
    await call("start", { canary: canary.canary, server: { host, port, ws, http }, options });
    return canary;
  }

  look() { return call("look", { canary: this.canary }); }
  reset() { return call("reset", { canary: this.canary }); }
  visits(visits) { return call("visits", { canary: this.canary, visits }); }
  finish() { return call("finish", { canary: this.canary }); }
  leave() { return call("leave", { canary: this.canary }); }
}
