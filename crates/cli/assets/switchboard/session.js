// This window's session with the server: plugged into one technique, told who it is and what it has, and keeping what it still has
// to say until the server has numbered it. Shows nothing: what happens goes to `hears`. Events: CONTRACT.md.

import { carrier } from "./techniques.js";

const answerTime = 10_000; // ms until an answer counts as lost; asking again is harmless, the server knows key and nonce
const replugTime = 2_000; // ms until a session that the server ended is plugged in again

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * `hears` has `state(state, tries)` ("connecting", "open", "cut", "ended", "broken"), `welcome(welcome, fresh)`, `line(line, via)`, `people(people)`,
 * `typing({ id, on })`, `waiting(texts)` and `refused(text, code)`. `held()` answers `{ chat, last }` of what the page has.
 */
export class Session {
  #hears;
  #held;
  #key = random();
  #socket = null;
  #chosen = null;
  #name;
  #outbox = []; // { nonce, text }, in the order said
  #early = null; // lines that overtook the welcome; null once it is here
  #state = "connecting";
  #tries = 0;
  #replug = 0;

  constructor(name, held, hears) {
    this.#name = name;
    this.#held = held;
    this.#hears = hears;
  }

  /** The client's engine, while there is one: its counters and the transport in use. */
  get engine() {
    return this.#socket?.io?.engine;
  }

  get state() {
    return this.#state;
  }

  /** What carries this session just now, or null. */
  get via() {
    const transport = this.engine?.transport?.name;
    return transport && this.#state === "open" ? carrier(this.#chosen, transport) : null;
  }

  /** Leaves the technique in use, if any, and goes on over this one. What waits to be said goes over it. */
  plug(chosen) {
    clearTimeout(this.#replug);
    this.#drop();
    this.#chosen = chosen;
    this.#tries = 0;
    if (typeof window.io !== "function") return this.#become("broken");
    this.#become(this.#held().chat === undefined ? "connecting" : "cut");
    const socket = window.io({ ...chosen.options, forceNew: true, reconnectionDelay: 500, reconnectionDelayMax: 4_000 });
    this.#socket = socket;
    // A socket that was left may still speak for a moment.
    const on = (event, heard) => socket.on(event, (...values) => this.#socket === socket && heard(...values));
    on("connect", () => this.#hello(socket));
    on("disconnect", (reason) => this.#lost(reason));
    on("connect_error", () => this.#failed());
    on("line", (line) => (this.#early ? this.#early.push(line) : this.#hears.line(line, this.via)));
    on("people", (people) => this.#hears.people(people));
    on("typing", (typing) => this.#hears.typing(typing));
  }

  /** Plugs into the same technique again, now. */
  again() {
    this.plug(this.#chosen);
  }

  rename(name) {
    this.#name = name;
    const socket = this.#socket;
    if (this.#state !== "open") return; // the next hello says it
    // This socket hears already, so what the answer repeats of the history is known.
    this.#ask(socket, "hello", [this.#introduction()], (welcome) => this.#hears.welcome({ ...welcome, lines: [], last: 0 }, false));
  }

  say(text) {
    const entry = { nonce: random(), text };
    this.#outbox.push(entry);
    this.#hears.waiting(this.#outbox.map((one) => one.text));
    if (this.#state === "open") this.#send(this.#socket, entry);
  }

  typing(on) {
    if (this.#state === "open") this.#socket.emit("typing", on);
  }

  /** Milliseconds to the server and back through this technique; null if nothing came back. */
  ping() {
    return new Promise((resolve) => {
      if (this.#state !== "open") return resolve(null);
      const start = performance.now();
      const timer = setTimeout(() => resolve(null), answerTime);
      this.#socket.emit("ping", () => {
        clearTimeout(timer);
        resolve(performance.now() - start);
      });
    });
  }

  #introduction() {
    return { name: this.#name, key: this.#key, ...this.#held() };
  }

  #hello(socket) {
    this.#early = [];
    this.#ask(socket, "hello", [this.#introduction()], (welcome) => {
      if (welcome.error) return this.#hears.refused("", welcome.error);
      const early = this.#early;
      this.#early = null;
      this.#tries = 0;
      this.#become("open");
      this.#hears.welcome(welcome, true);
      for (const line of early) this.#hears.line(line, this.via);
      for (const entry of [...this.#outbox]) this.#send(socket, entry);
    });
  }

  #send(socket, entry) {
    this.#ask(socket, "say", [entry.text, entry.nonce], (answer) => {
      const at = this.#outbox.indexOf(entry);
      if (at < 0) return; // an earlier question had its answer
      this.#outbox.splice(at, 1);
      this.#hears.waiting(this.#outbox.map((one) => one.text));
      if (answer.error) this.#hears.refused(entry.text, answer.error);
    });
  }

  /** Emits and gives the answer to `then`; asks again while this socket stands and no answer comes. */
  #ask(socket, event, values, then) {
    let answered = false;
    const timer = setTimeout(() => {
      if (!answered && this.#socket === socket && socket.connected) this.#ask(socket, event, values, then);
    }, answerTime);
    socket.emit(event, ...values, (answer) => {
      clearTimeout(timer);
      answered = true;
      if (this.#socket === socket) then(answer);
    });
  }

  #lost(reason) {
    if (reason !== "io server disconnect") return this.#become("cut");
    // The client does not come back from this one by itself.
    this.#become("ended");
    clearTimeout(this.#replug);
    this.#replug = setTimeout(() => this.again(), replugTime);
  }

  #failed() {
    this.#tries += 1;
    this.#become(this.#state === "connecting" && this.#tries < 2 ? "connecting" : "cut");
    // The middleware's refusal ends the client's own attempts.
    if (this.#socket.active) return;
    clearTimeout(this.#replug);
    this.#replug = setTimeout(() => this.again(), replugTime);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
  }

  #become(state) {
    this.#state = state;
    this.#hears.state(state, this.#tries);
  }
}
