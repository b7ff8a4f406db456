import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventStream, type StreamEvent } from "../src/engine/event_stream.js";

const encoder = new TextEncoder();

function parse(chunks: Uint8Array[]): StreamEvent[] {
  const push = eventStream();
  return chunks.flatMap(push);
}

const SAMPLE = [
  "retry: 1000",
  "id: SID.1",
  'data: 0{"sid":"SID"}',
  'data:42["é€😀"]',
  "",
  ": a comment",
  ":",
  "event: other",
  "unknown: field",
  "data:  one space is kept",
  "data",
  "data:",
  "data:a:b: c",
  "",
  "",
  "id: SID.3",
  "",
  "id",
  "data:6",
  "",
  "data: cut off",
];

const EVENTS: StreamEvent[] = [
  { lines: ['0{"sid":"SID"}', '42["é€😀"]'], id: "SID.1" },
  { lines: [" one space is kept", "", "", "a:b: c"], id: "SID.1" },
  { lines: [], id: "SID.3" },
  { lines: ["6"], id: "" },
];

describe("an event stream", () => {
  for (const [name, end] of [
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ] as const) {
    const bytes = encoder.encode(SAMPLE.join(end));

    test(`with ${name} gives the same events wherever it is cut in two`, () => {
      assert.deepEqual(parse([bytes]), EVENTS);
      for (let cut = 0; cut <= bytes.length; cut++) {
        assert.deepEqual(parse([bytes.subarray(0, cut), bytes.subarray(cut)]), EVENTS, `cut at ${cut}`);
      }
    });

    test(`with ${name} gives the same events in chunks of any size`, () => {
      for (let size = 1; size <= 16; size++) {
        const chunks: Uint8Array[] = [];
        for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
        assert.deepEqual(parse(chunks), EVENTS, `chunks of ${size}`);
      }
    });
  }

  test("with mixed line ends gives the same events in random chunks", () => {
    let seed = 7;
    const random = () => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) / 0x80000000;
    for (let round = 0; round < 300; round++) {
      let text = "";
      for (const line of SAMPLE) {
        // A LF behind a CR is no line end of its own.
        const ends = !line && text.endsWith("\r") ? ["\r\n", "\r"] : ["\r\n", "\r", "\n"];
        text += line + ends[Math.floor(random() * ends.length)];
      }
      const bytes = encoder.encode(text);
      const chunks: Uint8Array[] = [];
      for (let start = 0; start < bytes.length; ) {
        const size = 1 + Math.floor(random() * 9);
        chunks.push(bytes.subarray(start, start + size));
        start += size;
      }
      assert.deepEqual(parse(chunks), EVENTS);
    }
  });

  test("gives an event as soon as its last byte is there, be it a CR", () => {
    const push = eventStream();
    assert.deepEqual(push(encoder.encode("data:x\r\r")), [{ lines: ["x"], id: "" }]);
    assert.deepEqual(push(encoder.encode("\ndata:y\r\n\r")), [{ lines: ["y"], id: "" }]);
    assert.deepEqual(push(encoder.encode("\n")), []);
  });

  test("skips a byte order mark, and an id that holds a NUL", () => {
    assert.deepEqual(parse([encoder.encode("\ufeffdata:x\nid:a\0b\n\n")]), [{ lines: ["x"], id: "" }]);
  });

  test("gives nothing for an event that its end cut off", () => {
    assert.deepEqual(parse([encoder.encode("data:x\n")]), []);
  });
});
