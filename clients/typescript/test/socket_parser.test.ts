import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Packet } from "../src/socket/packet.js";
import { Decoder, encode } from "../src/socket/parser.js";
import { fromHex, readVectorText, toHex, vectors, type VectorText } from "./support.js";

type Message = { readonly text: VectorText } | { readonly hex: string };

interface Row {
  readonly in: Message[];
  readonly out: { readonly decoded: unknown[]; readonly at?: number; readonly throws?: string };
}

const table = vectors<{
  encode: { name: string; packet: Record<string, unknown>; encoded: Message[] }[];
  decode: Row[];
  malformed: Row[];
}>("socketio_json.json");

/** A value of the tables: what JSON has no word for is tagged. */
function read(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(read);
  if (typeof value !== "object" || value === null) return value;
  const tagged = value as Record<string, unknown>;
  if ("$bin" in tagged) return fromHex(tagged["$bin"] as string);
  if ("$undefined" in tagged) return undefined;
  if ("$num" in tagged) return Number(tagged["$num"]);
  if ("$date" in tagged) return new Date(tagged["$date"] as string);
  if ("$utf16_hex" in tagged) return readVectorText(value as VectorText);
  return Object.fromEntries(Object.entries(tagged).map(([key, item]) => [key, read(item)]));
}

/** The same the other way, as the reference's values were written down. */
function show(value: unknown): unknown {
  if (value === undefined) return { $undefined: true };
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return { $bin: toHex(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { $num: String(value) };
  if (typeof value === "string" && !value.isWellFormed()) {
    return { $utf16_hex: [...value].map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0")).join("") };
  }
  if (Array.isArray(value)) return value.map(show);
  if (typeof value !== "object" || value === null) return value;
  // An own `__proto__` is not in the tables: it got lost where they were written.
  const entries = Object.entries(value).filter(([key]) => key !== "__proto__");
  return Object.fromEntries(entries.map(([key, item]) => [key, show(item)]));
}

function play(messages: Message[]): unknown {
  const decoder = new Decoder();
  const decoded: unknown[] = [];
  for (const [at, message] of messages.entries()) {
    try {
      const packet = decoder.add("text" in message ? readVectorText(message.text) : fromHex(message.hex).buffer);
      if (packet) decoded.push(show(packet));
    } catch (error) {
      return { decoded, at, throws: (error as Error).message };
    }
  }
  return { decoded };
}

describe("socketio_json.json", () => {
  test("every packet encodes to its messages", () => {
    assert.ok(table.encode.length > 40);
    for (const { name, packet, encoded } of table.encode) {
      const messages = encode(read(packet) as Packet).map((message) =>
        typeof message === "string"
          ? { text: message, utf8_hex: Buffer.from(message).toString("hex") }
          : { hex: toHex(message as Uint8Array) },
      );
      assert.deepEqual(messages, encoded, name);
    }
  });

  for (const part of ["decode", "malformed"] as const) {
    test(`every row of ${part} has the reference's outcome`, () => {
      assert.ok(table[part].length > 40);
      for (const row of table[part]) {
        assert.deepEqual(play(row.in), row.out, JSON.stringify(row.in));
      }
    });
  }
});

describe("the parser", () => {
  test("keeps a Node Buffer binary, though it has a toJSON", () => {
    const messages = encode({ type: 2, nsp: "/", data: ["b", Buffer.from("hi"), { deep: [Buffer.from("ho")] }] });
    assert.equal(messages[0], '52-["b",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}]');
    assert.deepEqual(messages.slice(1).map((message) => Buffer.from(message as Uint8Array).toString()), ["hi", "ho"]);
  });

  test("keeps what toJSON gives, and binary inside it", () => {
    const value = { toJSON: () => ({ bytes: new Uint8Array([1]) }) };
    const [text] = encode({ type: 2, nsp: "/", data: ["j", value] });
    assert.equal(text, '51-["j",{"bytes":{"_placeholder":true,"num":0}}]');
  });

  test("finds binary at any depth without going deeper itself", () => {
    const depth = 5_000;
    const text = '51-["x",' + "[".repeat(depth) + '{"_placeholder":true,"num":0}' + "]".repeat(depth) + "]";
    const decoder = new Decoder();
    assert.equal(decoder.add(text), undefined);
    let value: unknown = (decoder.add(new Uint8Array([7]).buffer)!.data as unknown[])[1];
    for (let level = 0; level < depth; level++) value = (value as unknown[])[0];
    assert.deepEqual(new Uint8Array(value as ArrayBuffer), new Uint8Array([7]));
  });

  test("a placeholder under the key __proto__ touches no prototype", () => {
    const decoder = new Decoder();
    decoder.add('51-["x",{"__proto__":{"_placeholder":true,"num":0}}]');
    const packet = decoder.add(new Uint8Array([7]).buffer)!;
    const value = (packet.data as unknown[])[1] as object;
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.ok(Object.hasOwn(value, "__proto__"));
  });

  test("takes as many attachments as it was told", () => {
    assert.throws(() => new Decoder(2).add('53-["x"]'), /too many attachments/);
    assert.equal(new Decoder(20).add('511-["x"]'), undefined);
  });

  test("refuses an engine message without data", () => {
    assert.throws(() => new Decoder().add(undefined), /empty message/);
  });

  test("what it encodes it decodes", () => {
    const plain: unknown[] = [0, -1.5, "", "é\u2028", null, true, [], {}, [[{ a: [1, { b: "c" }] }]]];
    const values = [...plain, new Uint8Array([1, 2])];
    for (const nsp of ["/", "/admin", "/größe"]) {
      for (const id of [undefined, 0, 42]) {
        for (const value of values) {
          const packet = { type: 2 as const, nsp, ...(id !== undefined && { id }), data: ["e", value, { value }] };
          const decoder = new Decoder();
          const packets = encode(packet).map((message) =>
            decoder.add(typeof message === "string" ? message : new Uint8Array(message as Uint8Array).buffer),
          );
          assert.deepEqual(show(packets.at(-1)), show(packet));
          assert.ok(packets.slice(0, -1).every((early) => early === undefined));
        }
      }
    }
  });
});
