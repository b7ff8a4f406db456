// Rows: an attack on a server of its own, with a canary beside it.

import assert from "node:assert/strict";
import { sleep, within } from "../../conformance/support/time.mjs";
import { Polling } from "../../conformance/support/polling.mjs";
import { Canary } from "./canary.mjs";
import { Line } from "./line.mjs";
import { PATH, Peer } from "./peer.mjs";
import { Target } from "./target.mjs";

export const MB = 1024 * 1024;

/** What the canary and newcomers must be answered within, in milliseconds. */
export const LIMIT = 2_000;
/** What they should be. */
export const GOAL = 250;

/** What a server with some connections keeps over what it had at first: pages of its allocator, one arena a thread. */
const KEPT = 10 * MB;
/** What an attack may take for a while, where its row says nothing else. */
const PEAK = 48 * MB;

/** Times of the server in milliseconds: so short that nobody waits, and the defaults. */
const SHORT = {
  PING_INTERVAL: 1_500, PING_TIMEOUT: 1_500, CONNECT_TIMEOUT: 20_000, UPGRADE_TIMEOUT: 2_000, HEAD_TIMEOUT: 1_500, BODY_TIMEOUT: 2_000,
  WRITE_TIMEOUT: 2_500, KEEP_ALIVE: 4_000, STALL_TIMEOUT: 2_000, RESUME_TIMEOUT: 1_000, CLOSE_TIMEOUT: 1_000, ATTACHMENT_TIMEOUT: 2_000,
};
const REAL = {
  PING_INTERVAL: 25_000, PING_TIMEOUT: 20_000, CONNECT_TIMEOUT: 45_000, UPGRADE_TIMEOUT: 10_000, HEAD_TIMEOUT: 10_000, BODY_TIMEOUT: 20_000,
  WRITE_TIMEOUT: 30_000, KEEP_ALIVE: 65_000, STALL_TIMEOUT: 10_000, RESUME_TIMEOUT: 15_000, CLOSE_TIMEOUT: 30_000, ATTACHMENT_TIMEOUT: 45_000,
};

export const rows = [];

/**
 * Registers an attack. Of `options`:
 *
 * application   C, hardness or sockeye
 * env, times    more of the environment; times that are not those of SHORT, in the short run
 * args, files, preload, silenced   as of a Target
 * format        how the canary speaks
 * peak, final   bytes over the base that the server may take meanwhile, and keep
 * longPeak      the former in the long run, where that is for more connections
 * panics        how often the server's application panics
 * newcomers     false: nobody can come in while the attack lasts, and all can when it is over
 * limit         what the attack may take, in seconds, in the short run
 * ends          the server is to end
 */
export function row(title, options, attack) {
  rows.push({ title, options, attack });
}

/** What an attack is given. */
class Stage {
  constructor(server, canary, long, times) {
    Object.assign(this, { server, canary, long, times, open: [], notes: [], peaks: [] });
  }

  /** A number of the short run, or of the long one. */
  size(short, long) { return this.long ? long : short; }

  async line(options) {
    const line = await Line.open(this.server, options);
    this.open.push(line);
    return line;
  }

  /** A WebSocket. */
  async peer(options) {
    const peer = await Peer.open(this.server, options);
    this.open.push(peer);
    return peer;
  }

  /** One with a socket. */
  async connected(options) {
    const peer = await Peer.connected(this.server, options);
    this.open.push(peer);
    return peer;
  }

  /** A polling session. */
  polling() { return Polling.connect(this.server, PATH); }

  /** One with a socket, whose greeting is read. */
  async pollingSocket() {
    const session = await this.polling();
    await session.send("40");
    while (!(await session.receive()).startsWith("42"));
    return session;
  }

  /** Waits until `holds()`, or fails with `what`. */
  async until(holds, what, limit = 10_000) {
    limit = this.size(limit, 10 * limit);
    const deadline = performance.now() + limit;
    for (;;) {
      const value = await holds();
      if (value) return value;
      assert.ok(performance.now() < deadline, `${what()}, after ${limit} ms`);
      await sleep(25);
    }
  }

  /** Kills the server and starts it again; the canary is another one then. */
  async restart() {
    await this.canary.leave();
    await this.server.restart();
    this.canary = await Canary.start(this.server, this.canary.options);
    this.server.forgetPeak();
  }

  /** Something to be said in the table. */
  note(text) { this.notes.push(text); }

  /** Closes what is still open. */
  end() {
    for (const one of this.open.splice(0)) one.cut();
  }
}

const megabytes = (bytes) => `${(bytes / MB).toFixed(1)} MB`;

/** Runs one row: `{ title, error, delay, visit, noise, base, peak, final, time, notes }`. */
export async function perform({ title, options, attack }, { long }) {
  const { application = "C", format = "text", env = {}, times = {}, final = KEPT, panics = 0, newcomers = true, limit = 30, ends = false } = options;
  const peak = (long && options.longPeak) || options.peak || PEAK;
  const real = { ...REAL, ...options.always };
  const used = long ? real : { ...SHORT, ...times, ...options.always };
  const settings = Object.fromEntries(Object.entries(used).map(([name, time]) => [name, String(time)]));
  const server = new Target(application, { ...options, env: { ...settings, ...env } });
  const result = { title, notes: [] };
  const started = performance.now();
  let canary;
  let stage;
  try {
    await server.start();
    canary = await Canary.start(server, { format, visits: newcomers });
    await sleep(30);
    const files = server.fileCount;
    result.base = server.memory;
    server.forgetPeak();
    stage = new Stage(server, canary, long, used);
    await within((long ? 20 * limit : limit) * 1_000, attack(stage), "the end of the attack");
    if (ends) {
      const report = await canary.look();
      Object.assign(result, { delay: report.worst, visit: report.worstVisit, noise: report.noise, peak: server.finalPeak ?? result.base, final: result.base });
      assert.equal(server.panics, panics, `the server panicked: ${server.said}`);
      return result;
    }
    server.assertAlive(panics);
    canary = stage.canary;
    await canary.visits(true);
    stage.end();
    result.peak = server.peak;
    await canary.visits(false);
    // In the long run ten times that: more than a silent session and its connection may stay.
    const patience = 15_000;
    const kept = () => server.memory - result.base;
    await stage.until(() => server.fileCount <= files, () => `${server.fileCount - files} files are still open`, patience);
    await stage.until(() => kept() <= final, () => `${megabytes(kept())} over the base of ${megabytes(result.base)} are not given back`, patience);
    result.final = server.memory;
    const report = await canary.finish();
    Object.assign(result, { delay: report.worst, visit: report.worstVisit, noise: report.noise });
    assert.deepEqual(report.faults, []);
    assert.ok(report.answers > 0, "the canary was never answered");
    assert.ok(report.worst <= LIMIT, `the canary waited ${report.worst.toFixed(0)} ms`);
    assert.ok(report.worstVisit <= LIMIT, `a newcomer waited ${report.worstVisit.toFixed(0)} ms`);
    server.assertAlive(panics);
    assert.ok(result.peak - result.base <= peak, `the server took ${megabytes(result.peak - result.base)} over its base of ${megabytes(result.base)}`);
  } catch (error) {
    result.error = error;
    if (canary && result.delay === undefined) {
      const report = await canary.look().catch(() => undefined);
      if (report) Object.assign(result, { delay: report.worst, visit: report.worstVisit, noise: report.noise, faults: report.faults });
    }
    result.alive = server.process && server.isAlive();
    if (result.alive) {
      result.peak ??= server.peak;
      result.final ??= server.memory;
    }
    result.said = server.said.slice(-2_000);
  } finally {
    stage?.end();
    await canary?.leave();
    await server.stop();
    result.time = performance.now() - started;
    result.notes = stage?.notes ?? [];
  }
  return result;
}
