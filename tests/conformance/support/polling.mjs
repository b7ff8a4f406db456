// An Engine.IO peer over HTTP long polling that does what it is told and nothing else.

import assert from "node:assert/strict";
import { request } from "./http.mjs";
import { recovers, withoutOffset } from "./offset.mjs";
import { sleep } from "./time.mjs";

const SEPARATOR = "\x1e";

/** The packets of a GET, which must have been answered with 200. */
function packets(answer) {
  assert.equal(answer.status, 200, answer.text);
  return answer.text.split(SEPARATOR);
}

/** The session's packets, over GET and POST. `recovers`: as of a Wire. */
export class Polling {
  constructor(server, path, packet) {
    this.server = server;
    this.recovers = recovers(server);
    this.path = path;
    this.open = JSON.parse(packet.slice(1));
    this.queue = [];
  }

  /** A new session. */
  static async connect(server, path) {
    const answer = await request(server, `${path}?EIO=4&transport=polling`);
    assert.equal(answer.status, 200, answer.text);
    const [open, ...rest] = answer.text.split(SEPARATOR);
    assert.equal(open[0], "0", "the first packet is the open packet");
    const polling = new Polling(server, path, open);
    polling.queue.push(...rest);
    return polling;
  }

  get sid() { return this.open.sid; }

  /** Where its requests go. */
  get target() { return `${this.path}?EIO=4&transport=polling&sid=${this.sid}`; }

  /** One GET as it is answered. */
  get(options) { return request(this.server, this.target, options); }

  /** The packets of one GET, which must be answered with 200. */
  async poll() { return packets(await this.get()); }

  /** Sends a GET and goes on when the server has it; `answer()` and `packets()` wait for what it is answered. */
  async hold(options) {
    const answer = this.get(options);
    answer.catch(() => {}); // until somebody asks
    // What was sent before a request that has been answered has arrived; its turn takes a moment.
    await this.send("3");
    await sleep(10);
    return { answer: () => answer, packets: async () => packets(await answer) };
  }

  /** The next packet. */
  async receive() {
    if (this.queue.length === 0) this.queue.push(...(await this.poll()));
    const packet = this.queue.shift();
    return this.recovers ? withoutOffset(packet) : packet;
  }

  /** The next `count` packets, over as many GETs as it takes. */
  async receiveAll(count) {
    const packets = [];
    while (packets.length < count) packets.push(await this.receive());
    return packets;
  }

  /** One POST as it is answered. */
  post(body, headers = { "content-type": "text/plain;charset=UTF-8" }) {
    return request(this.server, this.target, { method: "POST", body, headers });
  }

  /** Sends packets in one payload, which must be taken. */
  async send(...packets) {
    const answer = await this.post(packets.join(SEPARATOR));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, "ok");
  }

  /** Whether the server still knows the session. A POST asks, since a GET might wait. */
  async assertUnknown() {
    const answer = await this.post("3");
    assert.equal(answer.status, 400, "the session is still known");
    assert.deepEqual(JSON.parse(answer.text), { code: 1, message: "Session ID unknown" });
  }
}
