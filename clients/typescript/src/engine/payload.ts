// Several packets in one HTTP body: `packet (0x1E packet)*`.
//
// Spec: Engine.IO v4, "Packet encoding", HTTP long-polling.

import { byteLength, decodeText, type Packet } from "./packet.js";

const SEPARATOR = "\x1e";

/** Joins packets in their text form. Text that holds 0x1E itself would be split by the reader; JSON never does. */
export function joinPayload(packets: readonly string[]): string {
  return packets.join(SEPARATOR);
}

/** The packets of a body, up to the first piece that is none: a `null` stands for it, and ends the list. */
export function decodePayload(body: string): (Packet<ArrayBuffer> | null)[] {
  const packets: (Packet<ArrayBuffer> | null)[] = [];
  for (const text of body.split(SEPARATOR)) {
    const packet = decodeText(text);
    packets.push(packet);
    if (!packet) break;
  }
  return packets;
}

/**
 * Takes packets from the front of `outbox` while their payload stays within `maxPayload` bytes (0: no limit).
 *
 * A first packet larger than that goes out alone: the server may say no, holding it back would stop all others.
 */
export function takePayload(outbox: Packet[], maxPayload: number): Packet[] {
  let size = -1;
  let count = 0;
  for (const { data } of outbox) {
    size += 2;
    if (data !== undefined) {
      const bytes = byteLength(data);
      size += typeof data === "string" ? bytes : 4 * Math.ceil(bytes / 3);
    }
    if (count && maxPayload && size > maxPayload) break;
    count++;
  }
  return outbox.splice(0, count);
}
