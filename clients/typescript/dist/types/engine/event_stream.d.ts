/** One event of the stream. */
export interface StreamEvent {
    /** What its `data:` lines hold, without the field name, one entry a line; empty when the event had only an `id`. */
    readonly lines: readonly string[];
    /** The last `id:` seen so far, in this event or before; empty when none was. */
    readonly id: string;
}
/**
 * A reader of one stream: takes its bytes as they come, and gives the events that are complete with them. An event
 * that the stream's end cut short is never given.
 */
export declare function eventStream(): (bytes: Uint8Array) => StreamEvent[];
