// A peer over WebSocket that makes its frames itself, right or wrong ones.

import { randomFillSync } from "node:crypto";
import { PATIENCE, within } from "../../conformance/support/time.mjs";
import { head, Line } from "./line.mjs";

export const PATH = "/socket.io/";

export const TEXT = 1;
export const BINARY = 2;
export const CONTINUATION = 0;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** The headers of a WebSocket handshake. */
export const UPGRADE = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
];

/**
 * One frame as clients send it. `length` is what the header says, if it is not the payload's own; `reserved` are the three
 * bits behind FIN.
 */
export function frame(opcode, payload = "", { fin = true, reserved = 0, masked = true, length = undefined } = {}) {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  const size = length ?? BigInt(bytes.length);
  const bit = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  let header;
  if (size < 126n) header = Buffer.from([first, bit | Number(size)]);
  else if (size < 65_536n) {
    header = Buffer.from([first, bit | 126, 0, 0]);
    header.writeUInt16BE(Number(size), 2);
  } else {
    header = Buffer.alloc(10);
    header.set([first, bit | 127]);
    header.writeBigUInt64BE(BigInt.asUintN(64, size), 2);
  }
  if (!masked) return Buffer.concat([header, bytes]);
  const mask = randomFillSync(Buffer.alloc(4));
  const body = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at++) body[at] = bytes[at] ^ mask[at & 3];
  return Buffer.concat([header, mask, body]);
}

/** Text as one frame, for what is sent many times over. */
export const text = (data) => frame(TEXT, data);

/** `count` copies of `bytes` in one buffer. */
export const repeated = (bytes, count) => Buffer.alloc(bytes.length * count, bytes);

export class Peer {
  /**
   * Opens a WebSocket; resolves when it is open. While it reads it answers the server's pings, unless `pongs` says not to.
   * `query` goes behind the one that every session has.
   */
  static async open(server, { query = "", headers = [], pongs = true } = {}) {
    const peer = new Peer();
    peer.line = await Line.open(server);
    peer.frames = [];
    peer.fragments = [];
    peer.waiting = [];
    peer.pongs = pongs;
    peer.counts = { messages: 0, pongs: 0 };
    peer.line.write(head("GET", `${PATH}?EIO=4&transport=websocket${query}`, [...UPGRADE, ...headers]));
    const answer = await peer.line.response();
    if (answer.status !== 101) throw new Error(`the WebSocket was answered ${answer.status}: ${answer.text}`);
    peer.headers = answer.headers;
    peer.closed = new Promise((resolve) => { peer.#closes = resolve; });
    peer.line.ended.then((at) => peer.#over({ code: 1006, at }));
    peer.buffer = peer.line.received;
    peer.line.hears = (chunk) => peer.#hear(chunk);
    peer.#hear(Buffer.alloc(0));
    return peer;
  }

  /** A session with a socket in `namespace`; its open packet, CONNECT and greeting are read. */
  static async connected(server, { namespace = "/", auth = undefined, greetings = 1, ...options } = {}) {
    const peer = await Peer.open(server, options);
    peer.session = JSON.parse((await peer.receive()).slice(1));
    await peer.join(namespace, auth, greetings);
    return peer;
  }

  #closes;
  #code;

  async join(namespace = "/", auth = undefined, greetings = 1) {
    const prefix = namespace === "/" ? "" : `${namespace},`;
    this.send(`40${prefix}${auth === undefined ? "" : JSON.stringify(auth)}`);
    const answer = await this.receive();
    if (!answer.startsWith(`40${prefix}{`)) throw new Error(`CONNECT was answered ${answer}`);
    Object.assign(this, JSON.parse(answer.slice(2 + prefix.length)));
    for (let greeting = 0; greeting < greetings; greeting++) await this.receive();
  }

  #over(how) {
    if (this.#code === undefined) this.#code = how.code;
    this.#closes({ ...how, code: this.#code });
    for (const waiting of this.waiting.splice(0)) waiting.reject(new Error(`the WebSocket closed with ${this.#code}`));
  }

  #hear(chunk) {
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, chunk]) : chunk;
    let at = 0;
    for (;;) {
      const { buffer } = this;
      if (buffer.length < at + 2) break;
      let size = buffer[at + 1] & 0x7f;
      let start = at + 2;
      if (size === 126) {
        if (buffer.length < at + 4) break;
        size = buffer.readUInt16BE(at + 2);
        start = at + 4;
      } else if (size === 127) {
        if (buffer.length < at + 10) break;
        size = Number(buffer.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      if (buffer.length < start + size) break;
      this.#take(buffer[at], buffer.subarray(start, start + size));
      at = start + size;
    }
    if (at > 0) this.buffer = this.buffer.subarray(at);
  }

  #take(first, payload) {
    switch (first & 15) {
      case CLOSE:
        this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
        return;
      case PONG:
        this.counts.pongs++;
        return;
      case PING:
        this.line.write(frame(PONG, payload));
        return;
      default: {
        this.counts.messages++;
        const message = (first & 15) === TEXT && !(first & 0x40) ? payload.toString() : Buffer.from(payload);
        if (message === "2" && this.pongs) {
          this.send("3");
          return;
        }
        if (this.ignores) return;
        const waiting = this.waiting.shift();
        if (waiting) waiting.resolve(message);
        else this.frames.push(message);
      }
    }
  }

  /** Messages that come are counted from now on, and not kept. */
  ignore() {
    this.ignores = true;
    this.frames.length = 0;
  }

  send(...messages) {
    return this.line.write(Buffer.concat(messages.map((message) => frame(Buffer.isBuffer(message) ? BINARY : TEXT, message))));
  }

  /** Sends bytes as they are. */
  raw(...parts) {
    return this.line.write(parts.length === 1 ? parts[0] : Buffer.concat(parts));
  }

  /** The next message. */
  receive(limit = PATIENCE) {
    if (this.frames.length > 0) return Promise.resolve(this.frames.shift());
    if (this.#code !== undefined) return Promise.reject(new Error(`the WebSocket closed with ${this.#code}`));
    let mine;
    const message = new Promise((resolve, reject) => {
      mine = { resolve, reject };
      this.waiting.push(mine);
    });
    return within(limit, message, "a message").finally(() => { this.waiting = this.waiting.filter((other) => other !== mine); });
  }

  /** Waits for a message that begins with `start`; others are thrown away. */
  async expect(start, limit = PATIENCE) {
    for (;;) {
      const message = await this.receive(limit);
      if (typeof message === "string" && message.startsWith(start)) return message;
    }
  }

  #asked = 1_000_000;

  /** Emits an event with an acknowledgement, and gives its first argument. */
  async ask(name, ...args) {
    const id = ++this.#asked;
    this.send(`42${id}${JSON.stringify([name, ...args])}`);
    const answer = await this.expect(`43${id}[`);
    return JSON.parse(answer.slice(`43${id}`.length))[0];
  }

  echo(value = 1) { return this.ask("echo", value); }

  /** Waits until the server has closed it: `{ code, at }`. */
  close(limit = PATIENCE) {
    return within(limit, this.closed, "the close by the server");
  }

  /** Stops reading. What comes fills the buffers of the system, and then the server's. */
  pause() { this.line.socket.pause(); }
  resume() { this.line.socket.resume(); }
  cut() { this.line.cut(); }
  reset() { this.line.reset(); }
}
