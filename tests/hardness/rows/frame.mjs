// Attacks by WebSocket frames.

import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { sleep } from "../../conformance/support/time.mjs";
import { BINARY, CLOSE, CONTINUATION, frame, PING, PONG, repeated, TEXT, text } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";

/** Sends `parts` on a WebSocket of its own, which must be closed with one of `codes`. */
async function closes(stage, codes, ...parts) {
  const peer = await stage.connected();
  peer.raw(...parts);
  const { code } = await peer.close(3_000);
  assert.ok([].concat(codes).includes(code), `closed with ${code}, not ${codes}`);
}

/** A row of which each of the `attacks`, lists of frames, is closed with one of `codes`. */
function closing(title, codes, attacks, options = {}) {
  row(title, options, (stage) => Promise.all(attacks.map((parts) => closes(stage, codes, ...[].concat(parts)))));
}

const bytes = (...values) => Buffer.from(values);
const long = (length, opcode = TEXT) => frame(opcode, "", { length });

closing("frame: ws unmasked frame", 1002, [
  frame(TEXT, '42["echo",1]', { masked: false }), frame(BINARY, "x", { masked: false }), frame(PING, "x", { masked: false }), frame(TEXT, "", { masked: false }),
]);
closing("frame: ws reserved bits", 1002, [1, 2, 3, 4, 5, 6, 7].flatMap((reserved) => [frame(TEXT, "3", { reserved }), frame(PING, "", { reserved })]));
closing("frame: ws reserved opcode", 1002, [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => frame(opcode, "3")));
closing("frame: ws fragmented control", 1002, [
  frame(PING, "x", { fin: false }), frame(PONG, "x", { fin: false }), frame(CLOSE, bytes(3, 232), { fin: false }), frame(PING, "x".repeat(126)), frame(CLOSE, "x".repeat(200)),
]);
closing("frame: ws continuation first", 1002, [frame(CONTINUATION, "3"), frame(CONTINUATION, "3", { fin: false }), [text("3"), frame(CONTINUATION, "3")]]);
closing("frame: ws text inside fragment", 1002, [
  [frame(TEXT, "4", { fin: false }), text("3")], [frame(BINARY, "4", { fin: false }), frame(BINARY, "3")], [frame(TEXT, "4", { fin: false }), frame(PING), frame(TEXT, "2", { fin: false })],
]);
closing("frame: ws invalid utf8 split", 1007, [
  [frame(TEXT, bytes(0x34, 0xe2), { fin: false }), frame(CONTINUATION, bytes(0x28, 0xa1))],
  [frame(TEXT, bytes(0x34, 0xce), { fin: false }), frame(CONTINUATION, bytes(), { fin: true })],
  [frame(TEXT, bytes(0x34, 0xf0, 0x90), { fin: false }), frame(PING), frame(CONTINUATION, bytes(0x28))],
  [frame(TEXT, bytes(0x34, 0xed, 0xa0, 0x80))],
  [frame(TEXT, bytes(0xf4, 0x90, 0x80, 0x80), { fin: false })],
  [frame(CLOSE, bytes(3, 232, 0xff, 0xfe))],
]);
closing("frame: ws length 2 63", [1002, 1009], [1n << 63n, (1n << 64n) - 1n, (1n << 63n) - 1n, 1n << 62n, 1n << 32n, 1_000_001n].flatMap((length) => [long(length), long(length, BINARY), [frame(TEXT, "4", { fin: false }), long(length, CONTINUATION)]]), { peak: 4 * MB });
closing("frame: ws bad close code", 1002, [0, 1, 999, 1004, 1005, 1006, 1012, 1015, 1016, 2000, 2999, 5000, 65_535].filter((code) => code !== 1012).map((code) => frame(CLOSE, bytes(code >> 8, code & 255))));
closing("frame: ws close one byte", 1002, [frame(CLOSE, bytes(3)), frame(CLOSE, bytes(0))]);

row("frame: ws fragments over max payload", { peak: 24 * MB }, async (stage) => {
  const piece = Buffer.alloc(100_000, "4");
  for (const opcode of [TEXT, BINARY]) {
    const parts = Array.from({ length: 11 }, (_, n) => frame(n === 0 ? opcode : CONTINUATION, piece, { fin: false }));
    await closes(stage, 1009, ...parts);
  }
  // The last piece is announced, and never sent.
  await closes(stage, 1009, frame(TEXT, Buffer.alloc(999_999, "4"), { fin: false }), long(2n, CONTINUATION));
  // As much as is allowed, by 50 peers, which stall.
  const peers = await Promise.all(Array.from({ length: 10 }, () => stage.connected()));
  await Promise.all(peers.map((peer) => peer.raw(frame(BINARY, Buffer.alloc(500_000), { fin: false }))));
  await sleep(200);
});

row("frame: ws tiny fragments", { peak: 24 * MB }, async (stage) => {
  const pieces = [frame(CONTINUATION, "", { fin: false }), frame(CONTINUATION, "a", { fin: false })];
  for (const piece of pieces) {
    const peer = await stage.connected();
    peer.raw(frame(TEXT, "4", { fin: false }));
    const flood = repeated(piece, 5_000);
    for (let n = 0; n < 20; n++) if (!(await peer.raw(flood))) break;
    assert.ok([1008, 1009, 1002].includes((await peer.close(5_000)).code));
  }
  // A hundred peers that stay just below, and stall.
  const peers = await Promise.all(Array.from({ length: 100 }, () => stage.connected()));
  const below = Buffer.concat([frame(TEXT, "4", { fin: false }), repeated(pieces[1], 8_000)]);
  await Promise.all(peers.map((peer) => peer.raw(below)));
  await sleep(200);
});

row("frame: ws ping flood unread", { peak: 24 * MB }, async (stage) => {
  const peers = await Promise.all(Array.from({ length: 10 }, () => stage.connected()));
  const flood = repeated(frame(PING, "x".repeat(125)), 2_000);
  for (const peer of peers) peer.pause();
  await Promise.all(peers.map((peer) => peer.line.flood(flood, stage.size(12, 120) * MB, { untilAnswered: false })));
});

row("frame: deflate bomb", { env: { PER_MESSAGE_DEFLATE: "1024" }, peak: 32 * MB }, async (stage) => {
  const open = () => stage.connected({ headers: [["Sec-WebSocket-Extensions", "permessage-deflate"]] });
  const bomb = deflateRawSync(Buffer.alloc(100 * MB), { level: 9 });
  for (const opcode of [TEXT, BINARY]) {
    const peer = await open();
    assert.match(peer.headers["sec-websocket-extensions"] ?? "", /permessage-deflate/);
    peer.raw(frame(opcode, bomb, { reserved: 4 }));
    assert.equal((await peer.close()).code, 1009);
  }
  // Many at once, whole and in pieces.
  const peers = await Promise.all(Array.from({ length: 40 }, open));
  await Promise.all(peers.map(async (peer, n) => {
    const parts = [];
    if (n % 2) parts.push(frame(BINARY, bomb, { reserved: 4 }));
    else for (let at = 0; at < bomb.length; at += 4_096) parts.push(frame(at === 0 ? BINARY : CONTINUATION, bomb.subarray(at, at + 4_096), { reserved: at === 0 ? 4 : 0, fin: at + 4_096 >= bomb.length }));
    peer.raw(...parts);
    assert.equal((await peer.close()).code, 1009);
  }));
});

row("frame: ws half close", {}, async (stage) => {
  const started = performance.now();
  const peers = await Promise.all([stage.connected(), stage.peer(), stage.connected()]);
  peers[2].raw(frame(TEXT, "42", { fin: false }));
  for (const peer of peers) peer.line.end();
  await Promise.all(peers.map((peer) => peer.close(1_500)));
  assert.ok(performance.now() - started < 1_500);
});
