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
/** Whether `value` is sent as binary. */
export declare function isBinary(value: unknown): value is BinaryData;
/** Whether `value` is a `Blob` or `File`, whose bytes can only be had later. */
export declare function isBlob(value: unknown): value is Blob;
/** The bytes that `data` shows: a view's own window, not its whole buffer. */
export declare function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array;
/** A packet as text: `<digit><data>`, or `b<base64>` for a binary message. */
export declare function encodeText(type: Packet["type"], data?: string | ArrayBuffer | ArrayBufferView): string;
/**
 * A packet from its text form, or `null` when it is none.
 *
 * Base64 is read as kindly as the reference does: URL-safe letters and missing padding are fine, what belongs to no
 * alphabet is skipped.
 */
export declare function decodeText(text: string): Packet<ArrayBuffer> | null;
/** How many bytes `text` has in UTF-8, a lone surrogate counted as the three of U+FFFD. */
export declare function utf8Length(text: string): number;
/** How many bytes `data` has on a wire that takes binary as it is. */
export declare function byteLength(data: string | BinaryData): number;
/** Bytes from base64, see `decodeText` for what is tolerated. */
export declare function decodeBase64(text: string): ArrayBuffer;
