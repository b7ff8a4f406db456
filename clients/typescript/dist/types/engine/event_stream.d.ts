/** One event of the stream. */
export interface StreamEvent {
    /** What its `data:` lines hold, without the field name, one entry a line; empty when the event had only an `id`. */
    readonly lines: readonly string[];
    /** The last `id:` seen so far, in this event or before; empty when none was. */
    readonly id: string;
}
/** A reader of one stream. An event that the stream's end cut short is never returned. */
export declare class EventStream {
    private readonly decoder;
    private rest;
    private cr;
    private lines;
    private fields;
    private id;
    /** Events that are complete with `bytes`. */
    push(bytes: Uint8Array): StreamEvent[];
    private line;
}
