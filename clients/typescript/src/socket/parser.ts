// The default parser: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`, then each attachment as a message of
// its own.
//
// Nothing here walks recursively over what a peer sent; too deep nesting fails in `JSON.parse`, if anywhere.
//
// Spec: Socket.IO protocol 5, "Packet encoding"; the corners are those of the reference, see spec/socketio.md 1.

import { isBinary, type BinaryData } from "../engine/packet.js";
import {
  ACK,
  BINARY_ACK,
  BINARY_EVENT,
  CONNECT,
  CONNECT_ERROR,
  DISCONNECT,
  EVENT,
  RESERVED,
  type Packet,
} from "./packet.js";

/** How many attachments a received packet may announce, unless the option says otherwise. */
export const MAX_ATTACHMENTS = 10;

/** The messages that carry `packet`: its text, then its attachments, in the order of their places in the data. */
export function encode(packet: Packet): (string | BinaryData)[] {
  const { type, nsp, id, data } = packet;
  const attachments: BinaryData[] = [];
  let json = "";
  if (data !== undefined) {
    json = JSON.stringify(
      data,
      type === EVENT || type === ACK
        ? function (this: Record<string, unknown>, key: string, value: unknown): unknown {
            // `value` has been through `toJSON`, which turns a Node Buffer into an object; the holder has it as it was.
            const raw = this[key];
            if (!isBinary(raw)) return value;
            return { _placeholder: true, num: attachments.push(raw) - 1 };
          }
        : undefined,
    );
  }
  const count = attachments.length;
  const head = count ? `${type === EVENT ? BINARY_EVENT : BINARY_ACK}${count}-` : type;
  return [head + (nsp === "/" ? "" : nsp + ",") + (id ?? "") + json, ...attachments];
}

/** Puts messages together to packets. One for each connection: it remembers what it waits for. */
export class Decoder {
  private waiting: Packet | undefined;
  private missing = 0;
  private attachments: ArrayBuffer[] = [];

  constructor(private readonly maxAttachments: number = MAX_ATTACHMENTS) {}

  /**
   * Takes one message; returns the packet that is complete with it.
   *
   * Throws an `Error` that names what is wrong. The connection cannot go on then: where the next packet begins is
   * not known.
   */
  add(message: string | ArrayBuffer | undefined): Packet | undefined {
    if (message === undefined) throw new Error("got an empty message");
    if (typeof message === "string") {
      if (this.waiting) throw new Error("got plaintext data when reconstructing a packet");
      const { packet, attachments } = decodeText(message, this.maxAttachments);
      if (!attachments) return packet;
      this.waiting = packet;
      this.missing = attachments;
      return undefined;
    }
    if (!this.waiting) throw new Error("got binary data when not reconstructing a packet");
    this.attachments.push(message);
    if (--this.missing) return undefined;
    const packet = this.waiting;
    const { attachments } = this;
    this.waiting = undefined;
    this.attachments = [];
    fillPlaceholders(packet.data, attachments);
    return packet;
  }
}

function decodeText(text: string, maxAttachments: number): { packet: Packet; attachments: number } {
  // As in the reference, an empty text is a CONNECT, since `Number("")` is 0.
  const wireType = Number(text.charAt(0));
  let position = 1;
  let attachments = 0;
  if (!(wireType >= CONNECT && wireType <= BINARY_ACK)) throw new Error("unknown packet type " + wireType);
  if (wireType >= BINARY_EVENT) {
    const dash = text.indexOf("-");
    attachments = dash < 0 ? 0 : Number(text.slice(1, dash));
    if (!Number.isInteger(attachments) || attachments < 1) throw new Error("Illegal attachments");
    if (attachments > maxAttachments) throw new Error("too many attachments");
    position = dash + 1;
  }
  let nsp = "/";
  if (text[position] === "/") {
    const comma = text.indexOf(",", position);
    const end = comma < 0 ? text.length : comma;
    nsp = text.slice(position, end);
    position = end + 1;
  }
  // White space counts as a digit in the reference.
  const digits = /^[\d\s]*/.exec(text.slice(position, position + MAX_ID_LENGTH))![0];
  const json = text.slice(position + digits.length);
  let data: unknown;
  if (json) {
    try {
      data = JSON.parse(json);
    } catch {
      throw new Error("invalid payload");
    }
    if (!fits(wireType, data)) throw new Error("invalid payload");
  }
  const type = wireType === BINARY_EVENT ? EVENT : wireType === BINARY_ACK ? ACK : wireType;
  // Narrowed here, once: `fits` has checked the data against the type.
  const packet = { type, nsp, ...(digits && { id: Number(digits) }), ...(json && { data }) } as Packet;
  return { packet, attachments };
}

/** Enough for any id that was ever sent (2^53 has 16 digits), and a bound for the search. */
const MAX_ID_LENGTH = 64;

function fits(wireType: number, data: unknown): boolean {
  switch (wireType) {
    case CONNECT:
      return isObject(data);
    case DISCONNECT:
      return false;
    case CONNECT_ERROR:
      return typeof data === "string" || isObject(data);
    case EVENT:
    case BINARY_EVENT: {
      const name: unknown = Array.isArray(data) ? data[0] : undefined;
      return typeof name === "number" || (typeof name === "string" && !RESERVED.has(name));
    }
    default:
      return Array.isArray(data);
  }
}

function isObject(data: unknown): boolean {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

function fillPlaceholders(data: unknown, attachments: readonly ArrayBuffer[]): void {
  const open: unknown[] = [data];
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    const values = holder as Record<string, unknown>;
    for (const key of Object.keys(values)) {
      const value = values[key];
      if (typeof value !== "object" || value === null) continue;
      if ((value as { _placeholder?: unknown })._placeholder !== true) {
        open.push(value);
        continue;
      }
      const { num } = value as { num?: unknown };
      if (typeof num !== "number" || num < 0 || num >= attachments.length) throw new Error("illegal attachments");
      values[key] = attachments[num];
    }
  }
}
