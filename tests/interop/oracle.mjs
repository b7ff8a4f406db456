// The original parsers as an oracle: packets drawn from a seed are encoded by them, decoded and encoded again by ours
// (`crates/socket-proto/examples/oracle.rs`, named by $ORACLE), and must say the same to the original decoder. The other
// way, too: what ours made is sent through ours again.
//
// $PACKETS packets (10,000), half of them in each format; $SEED is another draw. The few things that a packet of ours
// cannot say are named in `plain`, each with its place in `spec/differences.md`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";

import * as msgpack from "socket.io-msgpack-parser";
import * as json from "socket.io-parser";

import { random } from "./support/random.mjs";

const PACKETS = Number(process.env.PACKETS ?? 10_000);
const SEED = Number(process.env.SEED ?? 1);
/** How many packets are under way at once. */
const WINDOW = 500;

const FORMATS = { json, msgpack };
const { PacketType } = json;

// ---- Packets ----------------------------------------------------------------------------------------------

/** Draws packets; `format` says what may be in them. */
class Draw {
  constructor(seed, format) {
    this.below = random(seed);
    this.format = format;
    this.binary = 0;
  }

  of(...choices) {
    return choices[this.below(choices.length)];
  }

  text() {
    const pieces = ["a", "", " ", "\"", "\\", "\n", "\u0000", "\u001e", "\u007f", "é", "€", "😀", "\u2028", "/", ",", "[", "{", "0", "__proto__"];
    if (this.format === "json") pieces.push("\ud800", "\udc00", "\\ud800");
    let text = "";
    for (let left = this.below(this.below(30) === 0 ? 400 : 8); left > 0; left--) text += this.of(...pieces);
    return text;
  }

  number() {
    const sign = this.of(1, -1);
    switch (this.below(9)) {
      case 0: return sign * this.below(200);
      case 1: return sign * this.below(2 ** 32);
      case 2: return sign * (this.below(2 ** 32) * 2 ** 21 + this.below(2 ** 21));
      case 3: return sign * this.below(1e6) / this.of(10, 1000, 7, 3);
      case 4: return sign * 2 ** this.below(64) + this.of(0, 1, -1);
      case 5: return sign * (this.below(2 ** 32) + 1) * 10 ** (this.below(300) - 150);
      // Beyond 2^64 the original MessagePack writes other numbers.
      case 6: return sign * this.of(Number.MAX_SAFE_INTEGER, Number.MIN_VALUE, 5e-324, 2 ** 53, 0.1, 1e15, 123456789012345680);
      case 7: return this.format === "json" ? sign * this.of(Number.MAX_VALUE, 1e21, 1e-7, 2 ** 64, NaN, Infinity) : sign;
      default: return this.of(0, -0, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32768, -32769, 2 ** 31, -(2 ** 31));
    }
  }

  bytes() {
    const bytes = Buffer.from(Array.from({ length: this.below(this.below(20) === 0 ? 300 : 5) }, () => this.below(256)));
    this.binary++;
    // Of arrays of larger elements the original MessagePack makes an extension of its own.
    return this.format === "json" ? this.of(bytes, new Uint8Array(bytes), new Uint8Array(bytes).buffer) : bytes;
  }

  value(depth) {
    const leaf = depth <= 0;
    switch (this.below(leaf ? 6 : 9)) {
      case 0: return this.number();
      case 1: return this.text();
      case 2: return this.of(true, false, null);
      case 3: return this.binary < 9 && this.below(3) === 0 ? this.bytes() : this.below(100);
      case 4: return this.of(new Date(this.below(2 ** 31) * 1000 + this.below(1000)), undefined, "x", 1);
      case 5: return this.text();
      case 6: return Array.from({ length: this.below(5) }, () => this.value(depth - 1));
      default: return this.object(depth);
    }
  }

  object(depth) {
    const object = {};
    for (let left = this.below(5); left > 0; left--) {
      const name = this.below(6) === 0 ? this.text() : this.of("a", "b", "num", "1", "constructor", "toString");
      // What would be an object would be the prototype of what the original decoder of MessagePack reads.
      const value = name === "__proto__" ? this.of(1, "x", true) : this.value(depth - 1);
      Object.defineProperty(object, name, {
        value, enumerable: true, configurable: true, writable: true,
      });
    }
    return object;
  }

  namespace() {
    // Any text but one with a comma, which ends a name.
    return this.of("/", "/", "/chat", "/a/b", "/é😀", "/with space", `/${this.text().toWellFormed().replaceAll(",", "")}`);
  }

  packet() {
    this.binary = 0;
    const nsp = this.namespace();
    const plain = (draw) => {
      this.binary = 9;
      return draw();
    };
    switch (this.below(12)) {
      case 0: return plain(() => ({ type: PacketType.CONNECT, nsp, data: this.of(undefined, this.object(3)) }));
      case 1: return { type: PacketType.DISCONNECT, nsp };
      case 2: return plain(() => ({ type: PacketType.CONNECT_ERROR, nsp, data: this.of(this.object(3), this.text()) }));
      case 3:
      case 4: return { type: PacketType.ACK, nsp, id: this.id(), data: this.values() };
      default: {
        const name = this.of("message", "e", "", this.text());
        const packet = { type: PacketType.EVENT, nsp, data: [name, ...this.values()] };
        if (this.below(2) === 0) packet.id = this.id();
        return packet;
      }
    }
  }

  values() {
    return Array.from({ length: this.below(5) }, () => this.value(this.below(5)));
  }

  id() {
    return this.of(0, 1, this.below(2 ** 32), Number.MAX_SAFE_INTEGER);
  }
}

// ---- The original parsers ---------------------------------------------------------------------------------

function encode(format, packet) {
  // The encoder of binary packets puts placeholders into what it is given.
  const messages = new FORMATS[format].Encoder().encode(structuredClone(packet));
  return messages.map((message) =>
    typeof message === "string" ? { text: message } : { hex: Buffer.from(message).toString("hex") });
}

function decode(format, messages) {
  const decoder = new FORMATS[format].Decoder();
  let decoded;
  decoder.on("decoded", (packet) => {
    assert.equal(decoded, undefined, "one packet");
    decoded = packet;
  });
  for (const message of messages) decoder.add(message.text ?? Buffer.from(message.hex, "hex"));
  assert.ok(decoded, "a packet is complete with its last message");
  return decoded;
}

/**
 * What a packet says, as text: bytes by their digits, members in one order. A member `__proto__` is data, of which the
 * original decoder of MessagePack makes the prototype: `without` it that decoder's packets are compared.
 */
function said(packet, without = undefined) {
  const { type, nsp, id, data } = packet;
  const kind = { [PacketType.BINARY_EVENT]: PacketType.EVENT, [PacketType.BINARY_ACK]: PacketType.ACK }[type] ?? type;
  return JSON.stringify([kind, nsp, id ?? null, plain(data, without)]);
}

/**
 * The same for what our values know: dates are their text, `undefined` is null or left out, numbers that are not finite
 * are null, 0 has no sign, text is well formed (`spec/differences.md`: "encode date", "encode undefined args", "encode non
 * finite numbers", "lone surrogate").
 */
function plain(value, without) {
  if (value === undefined || value === null) return null;
  if (typeof value === "number") return Number.isFinite(value) ? (value === 0 ? 0 : value) : null;
  if (typeof value === "string") return value.toWellFormed();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ArrayBuffer) return { bytes: Buffer.from(value).toString("hex") };
  if (ArrayBuffer.isView(value)) return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
  if (Array.isArray(value)) return { array: value.map((element) => plain(element, without)) };
  if (typeof value === "object") {
    const members = new Map();
    for (const name of Object.keys(value)) {
      if (value[name] !== undefined && name !== without) members.set(name.toWellFormed(), plain(value[name], without));
    }
    return { object: [...members].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) };
  }
  return value;
}

// ---- Ours -------------------------------------------------------------------------------------------------

/** Asks our program; answers come in order. */
class Ours {
  constructor(path) {
    this.child = spawn(path, { stdio: ["pipe", "pipe", "inherit"] });
    this.waiting = [];
    createInterface({ input: this.child.stdout }).on("line", (line) => this.waiting.shift().resolve(JSON.parse(line)));
    this.ended = new Promise((resolve) => this.child.on("exit", (code) => {
      this.waiting.forEach(({ reject }) => reject(new Error(`it ended with ${code}`)));
      resolve(code);
    }));
  }

  ask(from, messages) {
    this.child.stdin.write(`${JSON.stringify({ from, messages })}\n`);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  end() {
    this.child.stdin.end();
    return this.ended;
  }
}

// ---- The tests --------------------------------------------------------------------------------------------

const counts = {};

for (const from of Object.keys(FORMATS)) {
  test(`what the original parsers say in ${from}, ours says after them in both formats`, async () => {
    const ours = new Ours(process.env.ORACLE);
    const draw = new Draw(SEED * 2 + (from === "json" ? 0 : 1), from);
    const count = { packets: 0, binary: 0, messages: 0 };
    const check = async (packet) => {
      const messages = encode(from, packet);
      // What the original parser reads of its own: the packet, as far as the format says it.
      const without = (to) => ([from, to].includes("msgpack") ? "__proto__" : undefined);
      const expected = (to) => said(decode(from, messages), without(to));
      const shown = () => `${JSON.stringify(messages)}`;
      const first = await ours.ask(from, messages);
      assert.equal(first.error, undefined, shown());
      for (const [way, formats] of Object.entries(first)) {
        for (const [to, written] of Object.entries(formats)) {
          assert.equal(said(decode(to, written), without(to)), expected(to), `${way} to ${to}: ${shown()} became ${JSON.stringify(written)}`);
        }
      }
      // What ours wrote, ours reads and writes again.
      for (const by of Object.keys(FORMATS)) {
        const again = await ours.ask(by, first.read[by]);
        for (const [to, written] of Object.entries(again.read)) {
          assert.equal(said(decode(to, written), "__proto__"), expected("msgpack"), `${shown()} by ${by}`);
        }
      }
      count.packets++;
      count.binary += draw.binary > 0 && messages.length > 1 ? 1 : 0;
      count.messages += messages.length;
    };
    try {
      for (let left = Math.ceil(PACKETS / 2); left > 0; left -= WINDOW) {
        const some = Array.from({ length: Math.min(left, WINDOW) }, () => draw.packet());
        const wrong = (await Promise.allSettled(some.map(check))).find(({ status }) => status === "rejected");
        if (wrong) throw wrong.reason;
      }
    } finally {
      assert.equal(await ours.end(), 0);
    }
    counts[from] = count;
    assert.ok(count.packets >= PACKETS / 2);
    if (process.env.ORACLE_SUMMARY && Object.keys(counts).length === 2) {
      const line = ([format, { packets, messages }]) => `${packets} packets (${messages} messages) written by the original ${format} parser\n`;
      const all = Object.entries(counts).map(line).join("");
      writeFileSync(process.env.ORACLE_SUMMARY, `${all}each read by ours and written again in both formats, raw and from values: the original parsers read the same\n`);
    }
  });
}

test("a packet that says something else is noticed", () => {
  const packet = { type: PacketType.EVENT, nsp: "/", data: ["a", { b: [1, Buffer.from([1])] }] };
  const same = () => said(decode("json", encode("json", packet)));
  assert.equal(same(), said(packet));
  const before = said(packet);
  for (const change of [(p) => (p.data[1].b[0] = 2), (p) => (p.nsp = "/x"), (p) => (p.id = 0), (p) => p.data.push(null)]) {
    const other = structuredClone(packet);
    change(other);
    assert.notEqual(said(other), before);
  }
});
