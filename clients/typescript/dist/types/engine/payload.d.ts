import { type Packet } from "./packet.js";
/** Joins packets in their text form. Text that holds 0x1E itself would be split by the reader; JSON never does. */
export declare function joinPayload(packets: readonly string[]): string;
/** The packets of a body, up to the first piece that is none: a `null` stands for it, and ends the list. */
export declare function decodePayload(body: string): (Packet<ArrayBuffer> | null)[];
/**
 * Takes packets from the front of `outbox` while their payload stays within `maxPayload` bytes (0: no limit).
 *
 * A first packet larger than that goes out alone: the server may say no, holding it back would stop all others.
 */
export declare function takePayload(outbox: Packet[], maxPayload: number): Packet[];
