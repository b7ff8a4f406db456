// An Engine.IO peer over WebSocket that does what it is told and nothing else.

import assert from "node:assert/strict";
import WebSocket from "ws";
import { recovers, withoutOffset } from "./offset.mjs";
import { PATIENCE, within } from "./time.mjs";

/** A WebSocket whose frames wait in a queue until they are asked for: text as strings, binary as buffers. */
export class Wire {
  /** `recovers`: whether events have an offset, which is taken off. */
  constructor(socket, recovers = false) {
    this.socket = socket;
    this.recovers = recovers;
    this.frames = [];
    this.wakers = [];
    this.headers = undefined;
    socket.on("upgrade", (response) => { this.headers = response.headers; });
    socket.on("message", (data, binary) => {
      const frame = binary ? data : data.toString();
      const waker = this.wakers.shift();
      if (waker) waker.resolve(frame);
      else this.frames.push(frame);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.code = code;
        for (const waker of this.wakers.splice(0)) waker.reject(new Error(`the WebSocket closed with ${code}`));
        resolve({ code, reason: reason.toString() });
      });
    });
    socket.on("error", () => {}); // `opened` or `closed` tell
  }

  /** Opens it; the handshake must succeed. */
  static async connect(server, target, options = {}) {
    const socket = new WebSocket(server.ws + target, { perMessageDeflate: false, ...options });
    const wire = new Wire(socket, recovers(server));
    const opened = new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    await within(PATIENCE, opened, `the WebSocket ${target}`);
    return wire;
  }

  /** A session that starts on WebSocket: its open packet is read. */
  static async session(server, path, options) {
    const wire = await Wire.connect(server, `${path}?EIO=4&transport=websocket`, options);
    const packet = await wire.receive();
    assert.equal(packet[0], "0", "the first packet is the open packet");
    wire.open = JSON.parse(packet.slice(1));
    return wire;
  }

  /** A candidate for the upgrade of the session `sid`. */
  static candidate(server, path, sid) {
    return Wire.connect(server, `${path}?EIO=4&transport=websocket&sid=${sid}`);
  }

  send(...frames) {
    for (const frame of frames) this.socket.send(frame);
  }

  /** The next frame. */
  async receive(limit) {
    const frame = await this.#next(limit);
    return this.recovers ? withoutOffset(frame) : frame;
  }

  #next(limit = PATIENCE) {
    if (this.frames.length > 0) return Promise.resolve(this.frames.shift());
    if (this.code !== undefined) return Promise.reject(new Error(`the WebSocket closed with ${this.code}`));
    let waker;
    const frame = new Promise((resolve, reject) => {
      waker = { resolve, reject };
      this.wakers.push(waker);
    });
    return within(limit, frame, "the next frame").finally(() => {
      // Who has given up waiting takes no frame away.
      this.wakers = this.wakers.filter((other) => other !== waker);
    });
  }

  async receiveAll(count) {
    const frames = [];
    while (frames.length < count) frames.push(await this.receive());
    return frames;
  }

  /** Resolves to `{ code, reason }` when it is closed. */
  close() {
    this.socket.close();
    return within(PATIENCE, this.closed, "the close");
  }

  /** Cuts the TCP connection. */
  cut() { this.socket.terminate(); }

  /** Waits until the server closes it, and holds it to `code`; nothing else may come before. */
  async assertCloses(code = 1005, limit = PATIENCE) {
    const closed = await within(limit, this.closed, "the close by the server");
    assert.deepEqual(this.frames, [], "frames came before the close");
    assert.equal(closed.code, code);
  }
}

/** Opens a WebSocket that the server may refuse by status, or close at once; resolves when it did either. */
export async function refused(server, target) {
  const socket = new WebSocket(server.ws + target, { perMessageDeflate: false });
  const wire = new Wire(socket);
  await within(PATIENCE, wire.closed, `the refusal of ${target}`);
  assert.deepEqual(wire.frames, [], "a refused WebSocket heard something");
}
