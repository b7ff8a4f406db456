import { type BinaryData } from "../engine/packet.js";
import { type Packet } from "./packet.js";
/** How many attachments a received packet may announce, unless the option says otherwise. */
export declare const MAX_ATTACHMENTS = 10;
/** The messages that carry `packet`: its text, then its attachments, in the order of their places in the data. */
export declare function encode(packet: Packet): (string | BinaryData)[];
/** Puts messages together to packets. One for each connection: it remembers what it waits for. */
export declare class Decoder {
    private readonly maxAttachments;
    private waiting;
    private missing;
    private attachments;
    constructor(maxAttachments?: number);
    /**
     * Takes one message; returns the packet that is complete with it.
     *
     * Throws an `Error` that names what is wrong. The connection cannot go on then: where the next packet begins is
     * not known.
     */
    add(message: string | ArrayBuffer | undefined): Packet | undefined;
}
