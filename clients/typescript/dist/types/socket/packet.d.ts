export declare const CONNECT = 0;
export declare const DISCONNECT = 1;
export declare const EVENT = 2;
export declare const ACK = 3;
export declare const CONNECT_ERROR = 4;
/** On the wire only: an event whose attachments follow. The parser gives and takes `EVENT`. */
export declare const BINARY_EVENT = 5;
/** On the wire only, as `BINARY_EVENT`. */
export declare const BINARY_ACK = 6;
/** Asks to join a namespace, or says that it was joined. */
export interface ConnectPacket {
    readonly type: typeof CONNECT;
    readonly nsp: string;
    readonly id?: number;
    readonly data?: Record<string, unknown>;
}
/** Leaves a namespace. */
export interface DisconnectPacket {
    readonly type: typeof DISCONNECT;
    readonly nsp: string;
    readonly id?: number;
    readonly data?: undefined;
}
/** An event: its name, a string or a number, and its arguments. A peer may leave out everything. */
export interface EventPacket {
    readonly type: typeof EVENT;
    readonly nsp: string;
    /** Present when an acknowledgement is asked for. */
    readonly id?: number;
    readonly data?: readonly unknown[];
}
/** The arguments of an acknowledgement. */
export interface AckPacket {
    readonly type: typeof ACK;
    readonly nsp: string;
    readonly id?: number;
    readonly data?: readonly unknown[];
}
/** Refuses a namespace. */
export interface ConnectErrorPacket {
    readonly type: typeof CONNECT_ERROR;
    readonly nsp: string;
    readonly id?: number;
    readonly data?: string | Record<string, unknown>;
}
/** One Socket.IO packet. */
export type Packet = ConnectPacket | DisconnectPacket | EventPacket | AckPacket | ConnectErrorPacket;
/** Event names that this client tells itself; no peer may send them, and no application emit them. */
export declare const RESERVED: ReadonlySet<unknown>;
