// Connections that are cut at random moments while numbered events flow, and are recovered: application E of
// spec/conformance.md with the official client, over polling, WebSocket and the upgrade between them.
//
// TARGET_COMMAND    how to start application E, as a JSON array; "{listen}" becomes ADDRESS:PORT
// RECOVERY_CUTS     how many cuts, 60
// RECOVERY_EVENTS   how many events, 20 for each cut
// RECOVERY_SEED     repeats a run, as nearly as time allows; printed
// RECOVERY_SUMMARY  a file for what came of it

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { io } from "socket.io-client";
import { next, PATIENCE } from "./support/clients.mjs";
import { random } from "./support/random.mjs";
import { relay } from "./support/relay.mjs";

// An official client whose upgrade is cut while its polling pauses never polls again; its heartbeat ends that.
Object.assign(process.env, { PING_INTERVAL: "1000", PING_TIMEOUT: "1000" });
const { url } = await import("./support/target.mjs");

const CUTS = Number(process.env.RECOVERY_CUTS ?? 60);
const EVENTS = Number(process.env.RECOVERY_EVENTS ?? 20 * CUTS);
const SEED = Number(process.env.RECOVERY_SEED ?? Math.floor(Math.random() * 2 ** 32));
/** Milliseconds between two cuts, at the most; the connections share them. */
const PAUSE = 100;
/** Of each way. */
const PEERS = 3;

const ways = {
  "polling": ["polling"],
  "WebSocket": ["websocket"],
  "upgrade": ["polling", "websocket"],
};
const LEARNT = ["answered", "operation has timed out", "socket has been disconnected"];

const dice = random(SEED);
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** What may not be; the first of them is where to look. */
const faults = [];
const faulty = (what) => faults.push(what);
const count = (counts, what) => counts.set(what, (counts.get(what) ?? 0) + 1);
const show = (counts) => [...counts].map(([what, times]) => `${times} ${what}`).join(", ");

/** One connection through a relay of its own, and all that it hears. */
class Peer {
  heard = [];
  asked = new Set();
  answered = new Set();
  puts = new Map();
  recoveries = 0;
  #put = 0;
  #last = -1;

  static async connected(name, transports, room) {
    const peer = new Peer();
    peer.name = name;
    peer.room = room;
    peer.relay = await relay(url);
    peer.socket = io(peer.relay.url, {
      transports, forceNew: true, auth: { rooms: [room] },
      reconnectionDelay: 10, reconnectionDelayMax: 50, timeout: 2_000,
    });
    await next(peer.socket, "connect");
    peer.id = peer.socket.id;
    peer.#listen();
    return peer;
  }

  #listen() {
    this.socket.on("connect", () => {
      if (this.socket.recovered && this.socket.id === this.id) this.recoveries++;
      else faulty(`${this.name} was not recovered after ${this.#last}: ${this.socket.id}, not ${this.id}`);
    });
    this.socket.on("event", (number, ...rest) => {
      this.#follows("event", number, rest);
      this.heard.push(number);
    });
    this.socket.on("volatile", (number, ...rest) => this.#follows("volatile", number, rest));
    this.socket.on("asked", (number, text, answer) => {
      this.#follows("asked", number, [text, typeof answer]);
      this.asked.add(number);
      if (number % 4 === 0) return;
      this.answered.add(number);
      answer(number);
    });
  }

  /** Whatever comes was emitted behind all that came before it. */
  #follows(how, number, [text, last, ...rest]) {
    const told = how === "asked" ? last === "function" : typeof last === "string";
    if (text !== "text" || !told || rest.length > 0) faulty(`${this.name} heard ${how} ${number} with ${[text, last, ...rest]}`);
    if (number <= this.#last) faulty(`${this.name} heard ${how} ${number} behind ${this.#last}`);
    this.#last = number;
  }

  /** Emits what wants an acknowledgement, connected or not. */
  put() {
    const number = this.#put++;
    this.puts.set(number, []);
    this.socket.timeout(2_000).emit("put", number, (error, answer) => this.puts.get(number).push(error ? error.message : answer));
  }

  is(room) {
    return room === "" || room === this.room || room === this.id;
  }

  async close() {
    this.socket.disconnect();
    await this.relay.close();
  }
}

test(`events flow through ${CUTS} cuts: each once and in order, and who asks learns what came of it`, { timeout: 60_000 + 1_000 * CUTS }, async (t) => {
  t.diagnostic(`RECOVERY_SEED=${SEED}`);
  const started = performance.now();
  const peers = [];
  for (const [way, transports] of Object.entries(ways)) {
    for (let n = 0; n < PEERS; n++) peers.push(await Peer.connected(`${way} ${n}`, transports, n % 2 ? "odd" : "even"));
  }
  // Not through a relay: it makes the events flow, and hears what the server learns.
  const observer = io(url, { transports: ["websocket"], forceNew: true, reconnection: false, auth: { rooms: ["observers"] } });
  t.after(async () => {
    observer.disconnect();
    await Promise.all(peers.map((peer) => peer.close()));
  });
  await next(observer, "connect");
  observer.on("asked", (number, text, answer) => answer(number));
  const outcomes = new Map();
  observer.on("outcomes", (number, list) => {
    if (outcomes.has(number)) faulty(`outcomes of ${number} came twice`);
    outcomes.set(number, list);
  });
  const put = new Map();
  observer.on("was put", (id, number) => count(put, `${id} ${number}`));

  const sent = [];
  const rooms = () => ["", "", "even", "odd", peers[dice(peers.length)].id][dice(5)];
  const flow = (events) => {
    const numbered = events.map(([how, room]) => [how, room, sent.push({ how, room }) - 1]);
    observer.emit("flow", numbered);
  };
  const some = () => [["event", "event", "event", "volatile", "asked"][dice(5)], rooms()];

  const cuts = new Map();
  const done = (kind) => { if (kind) count(cuts, kind); };
  const total = () => [...cuts.values()].reduce((sum, times) => sum + times, 0);
  let again;
  while (total() < CUTS || sent.length < EVENTS) {
    await sleep(dice(PAUSE / 2));
    const burst = Math.min(dice(2 * Math.ceil(EVENTS / CUTS)), EVENTS - sent.length);
    if (burst > 0) flow(Array.from({ length: burst }, some));
    peers[dice(peers.length)].put();
    if (total() < CUTS) {
      // One time in four it is the one that is just coming back.
      const peer = again && dice(4) === 0 ? again : peers[dice(peers.length)];
      await sleep(dice(4) ? dice(PAUSE / 2) : 0);
      peer.relay.cut(["both ends", "the client's end", "in the middle"][dice(3)], dice(2_000), done);
      again = peer;
    }
  }
  peers.forEach((peer) => peer.relay.heal());
  flow([["event", ""]]);
  const last = sent.length - 1;
  const deadline = performance.now() + PATIENCE;
  const isOver = () => peers.every((peer) => peer.heard.includes(last) && [...peer.puts.values()].every((ends) => ends.length > 0))
    && sent.every(({ how }, number) => how !== "asked" || outcomes.has(number));
  while (!isOver() && performance.now() < deadline) await sleep(20);
  // What should not come would come now.
  await sleep(200);

  for (const peer of peers.filter((peer) => !peer.heard.includes(last))) {
    const { engine } = peer.socket.io;
    faulty(`${peer.name} is ${peer.socket.connected ? "" : "not "}connected, its ${engine.transport.name} ${engine.transport.readyState}`);
  }
  const learnt = new Map();
  const replies = new Map();
  for (const peer of peers) {
    const meant = sent.flatMap(({ how, room }, number) => (how === "event" && peer.is(room) ? [number] : []));
    const missing = meant.filter((number) => !peer.heard.includes(number));
    const others = peer.heard.filter((number) => !meant.includes(number));
    const twice = peer.heard.filter((number, at) => peer.heard.indexOf(number) !== at);
    for (const [what, numbers] of Object.entries({ "has missed": missing, "heard what was for others:": others, "heard twice": twice })) {
      if (numbers.length > 0) faulty(`${peer.name} ${what} ${numbers}`);
    }
    for (const number of peer.asked) {
      const { how, room } = sent[number];
      if (how !== "asked" || !peer.is(room)) faulty(`${peer.name} was asked ${number}, which was not meant for it`);
      if (!outcomes.get(number)?.some(([id]) => id === peer.id)) faulty(`nobody learnt what ${peer.name} said to ${number}`);
    }
    for (const [number, ends] of peer.puts) {
      if (ends.length !== 1) faulty(`${peer.name} learnt ${ends.length} times what came of its ${number}`);
      const times = put.get(`${peer.id} ${number}`) ?? 0;
      if (times > 1) faulty(`${peer.name}'s ${number} was handled ${times} times`);
      if (ends[0] === number && times !== 1) faulty(`${peer.name}'s ${number} was answered, and nobody handled it`);
      count(replies, ends[0] === number ? "answered" : ends[0]);
    }
  }
  for (const [number, { how }] of sent.entries()) {
    if (how !== "asked") continue;
    if (!outcomes.has(number)) faulty(`nobody learnt what came of ${number}`);
    const ids = new Set();
    for (const [id, outcome] of outcomes.get(number) ?? []) {
      if (ids.has(id)) faulty(`${number} has two outcomes of ${id}`);
      ids.add(id);
      if (!LEARNT.includes(outcome)) faulty(`${number} of ${id} ended with ${outcome}`);
      const peer = peers.find((peer) => peer.id === id);
      if (outcome === "answered" && peer && !peer.answered.has(number)) faulty(`${number} was answered, but not by ${peer.name}`);
      count(learnt, outcome);
    }
  }
  const recoveries = peers.reduce((sum, peer) => sum + peer.recoveries, 0);
  const summary = [
    `${total()} cuts (${show(cuts)}) of ${peers.length} connections, ${recoveries} recoveries, in ${((performance.now() - started) / 1_000).toFixed(1)} s`,
    `${sent.length} events to all, to rooms and to one: ${show(sent.reduce((counts, { how }) => (count(counts, how), counts), new Map()))}`,
    `${peers.reduce((sum, peer) => sum + peer.heard.length, 0)} events were to arrive, and did, each once and in order`,
    `questions to clients: ${show(learnt)}`,
    `questions to the server: ${show(replies)}`,
  ];
  assert.deepEqual(faults, [], `RECOVERY_SEED=${SEED}, ${summary[0]}`);
  for (const line of summary) t.diagnostic(line);
  if (process.env.RECOVERY_SUMMARY) writeFileSync(process.env.RECOVERY_SUMMARY, `${summary.join("\n")}\n`);
});
