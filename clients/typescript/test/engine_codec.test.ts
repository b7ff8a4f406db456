import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeText, encodeText, utf8Length, type Packet } from "../src/engine/packet.js";
import { decodePayload, joinPayload, takePayload } from "../src/engine/payload.js";
import { fromHex, readVectorText, toHex, vectors, type VectorText } from "./support.js";

interface VectorPacket {
  readonly type: string;
  readonly text?: VectorText;
  readonly binary_hex?: string;
}

interface Encoded {
  readonly kind: "text" | "binary";
  readonly text?: VectorText;
  readonly hex?: string;
  readonly utf8_hex?: string;
}

const table = vectors<{
  encode_packet: { packet: VectorPacket; websocket: Encoded; polling: Encoded }[];
  decode_text: { in: VectorText; out: VectorPacket }[];
  decode_binary: { in_hex: string; out: VectorPacket }[];
  encode_payload: { packets: VectorPacket[]; encoded: Encoded }[];
  decode_payload: { in: VectorText; out: VectorPacket[] }[];
}>("engine_v4.json");

function read({ type, text, binary_hex }: VectorPacket): Packet<Uint8Array> {
  if (binary_hex !== undefined) return { type: "message", data: fromHex(binary_hex) };
  return { type, ...(text !== undefined && { data: readVectorText(text) }) } as Packet<Uint8Array>;
}

function encode({ type, data }: Packet<Uint8Array>): string {
  return encodeText(type, data);
}

function show(packet: Packet<ArrayBuffer> | null): Record<string, unknown> {
  if (!packet) return { type: "error", text: "parser error" };
  const { type, data } = packet;
  if (data instanceof ArrayBuffer) return { type, binary_hex: toHex(data) };
  return { type, ...(data !== undefined && { text: data }) };
}

function expected({ text, ...rest }: VectorPacket): Record<string, unknown> {
  return { ...rest, ...(text !== undefined && { text: readVectorText(text) }) };
}

describe("engine_v4.json", () => {
  test("every packet encodes to its text", () => {
    assert.ok(table.encode_packet.length > 20);
    for (const { packet, polling } of table.encode_packet) {
      const text = encode(read(packet));
      assert.equal(text, readVectorText(polling.text!));
      assert.equal(Buffer.from(text).toString("hex"), polling.utf8_hex);
    }
  });

  test("every text decodes to its packet, or to none", () => {
    assert.ok(table.decode_text.length > 30);
    for (const row of table.decode_text) {
      assert.deepEqual(show(decodeText(readVectorText(row.in))), expected(row.out), JSON.stringify(row.in));
    }
  });

  test("every list of packets encodes to its payload", () => {
    for (const { packets, encoded } of table.encode_payload) {
      assert.equal(joinPayload(packets.map((packet) => encode(read(packet)))), readVectorText(encoded.text!));
    }
  });

  test("every payload decodes to its packets, up to the first that is none", () => {
    for (const row of table.decode_payload) {
      assert.deepEqual(
        decodePayload(readVectorText(row.in)).map(show),
        row.out.map(expected),
        JSON.stringify(row.in),
      );
    }
  });
});

describe("packets", () => {
  test("binary of any length survives base64", () => {
    for (const length of [0, 1, 2, 3, 4, 255, 8191, 8192, 8193, 100_000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) & 0xff);
      const packet = decodeText(encodeText("message", bytes));
      assert.deepEqual(new Uint8Array(packet!.data as ArrayBuffer), bytes);
    }
  });

  test("a view is encoded as its own window", () => {
    const view = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
    assert.equal(encodeText("message", view), "bAQI=");
    assert.equal(encodeText("message", new Uint16Array([1])), "bAQA=");
  });

  test("utf8Length counts as TextEncoder does", () => {
    const encoder = new TextEncoder();
    const lone = ["\ud800", "\udc00", "\udc00\ud800", "\ud800a", "x\ud83d\ude00\ud83d"];
    const samples = ["", "a", "é", "€", "😀", "a😀b", ...lone];
    for (const text of samples) assert.equal(utf8Length(text), encoder.encode(text).length, JSON.stringify(text));
  });
});

describe("takePayload", () => {
  const text = (data: string): Packet => ({ type: "message", data });

  test("takes what fits, counting separators and type digits", () => {
    const outbox = [text("aaa"), text("bbb"), text("ccc")];
    // 4aaa 0x1E 4bbb is nine bytes.
    assert.equal(takePayload([...outbox], 9).length, 2);
    assert.equal(takePayload([...outbox], 8).length, 1);
    assert.equal(takePayload([...outbox], 14).length, 3);
    const left = [...outbox];
    takePayload(left, 9);
    assert.deepEqual(left, [text("ccc")]);
  });

  test("counts bytes, not characters, and base64 for binary", () => {
    // 4€ is four bytes, 0x1E one, bAQID five.
    const outbox: Packet[] = [text("€"), { type: "message", data: new Uint8Array([1, 2, 3]) }];
    assert.equal(takePayload([...outbox], 10).length, 2);
    assert.equal(takePayload([...outbox], 9).length, 1);
  });

  test("lets a first packet out that is larger than the limit, alone", () => {
    assert.equal(takePayload([text("x".repeat(100)), text("y")], 10).length, 1);
  });

  test("has no limit when the server named none", () => {
    assert.equal(takePayload(Array.from({ length: 50 }, () => text("x")), 0).length, 50);
  });

  test("what it takes encodes to no more than the limit", () => {
    const sizes = [0, 1, 5, 40, 3, 90, 17, 2, 2, 64];
    for (let limit = 100; limit < 260; limit += 7) {
      const outbox: Packet<Uint8Array>[] = sizes.map((size, index) =>
        index % 2 ? { type: "message", data: new Uint8Array(size) } : { type: "message", data: "é".repeat(size) },
      );
      const rest = [...outbox];
      const taken: Packet[] = [];
      while (rest.length) {
        const payload = takePayload(rest as Packet[], limit) as Packet<Uint8Array>[];
        if (payload.length > 1) assert.ok(Buffer.byteLength(joinPayload(payload.map(encode))) <= limit);
        taken.push(...payload);
      }
      assert.deepEqual(taken, outbox);
    }
  });
});
