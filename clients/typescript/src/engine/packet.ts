// Engine.IO packets and their two forms: as text (polling, SSE) and as a WebSocket message.
//
// Pure functions; nothing here knows a transport.
//
// Spec: Engine.IO v4, "Packet encoding".

/** What the application may send as binary. */
export type BinaryData = ArrayBuffer | ArrayBufferView | Blob;

/** A packet of the protocol itself. */
export interface ControlPacket {
  readonly type: "open" | "close" | "ping" | "pong" | "upgrade" | "noop";
  /** `probe` on a probing ping or pong, the handshake's JSON on an open packet; absent when empty. */
  readonly data?: string;
}

/** A packet that carries something of the application. */
export interface MessagePacket<Binary = BinaryData> {
  readonly type: "message";
  /** Text or binary; absent when the text is empty. */
  readonly data?: string | Binary;
}

/** One Engine.IO packet. Received binary is always an `ArrayBuffer`. */
export type Packet<Binary = BinaryData> = ControlPacket | MessagePacket<Binary>;

// A type's digit is its place here.
const TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"] as const;

/** Whether `value` is sent as binary. */
export function isBinary(value: unknown): value is BinaryData {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || isBlob(value);
}

/** Whether `value` is a `Blob` or `File`, whose bytes can only be had later. */
export function isBlob(value: unknown): value is Blob {
  return typeof Blob === "function" && value instanceof Blob;
}

/** The bytes that `data` shows: a view's own window, not its whole buffer. */
export function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** A packet as text: `<digit><data>`, or `b<base64>` for a binary message. */
export function encodeText(type: Packet["type"], data?: string | ArrayBuffer | ArrayBufferView): string {
  return typeof data === "object" ? "b" + encodeBase64(toBytes(data)) : TYPES.indexOf(type) + (data || "");
}

/**
 * A packet from its text form, or `null` when it is none.
 *
 * Base64 is read as kindly as the reference does: URL-safe letters and missing padding are fine, what belongs to no
 * alphabet is skipped.
 */
export function decodeText(text: string): Packet<ArrayBuffer> | null {
  if (text[0] === "b") return { type: "message", data: decodeBase64(text.slice(1)) };
  const digit = text.charCodeAt(0) - 48;
  const type = TYPES[digit];
  if (!type) return null;
  return text.length > 1 ? { type, data: text.slice(1) } : { type };
}

/** How many bytes `text` has in UTF-8, a lone surrogate counted as the three of U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) bytes++;
    if (unit > 0x7ff) bytes++;
    // A pair takes four bytes where its two units were counted as six.
    if (unit >= 0xdc00 && unit < 0xe000 && index && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800) bytes -= 2;
  }
  return bytes;
}

/** How many bytes `data` has on a wire that takes binary as it is. */
export function byteLength(data: string | BinaryData): number {
  return typeof data === "string" ? utf8Length(data) : isBlob(data) ? data.size : data.byteLength;
}

// `String.fromCharCode` takes its characters as arguments, of which an engine allows some ten thousand.
const CHUNK = 0x2000;

function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(binary);
}

/** Bytes from base64, see `decodeText` for what is tolerated. */
export function decodeBase64(text: string): ArrayBuffer {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    const clean = text.replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z0-9+/]/g, "");
    // One letter alone holds six bits, not a byte.
    binary = atob(clean.length % 4 === 1 ? clean.slice(0, -1) : clean);
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes.buffer;
}
