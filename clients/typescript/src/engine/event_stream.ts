// Reads `text/event-stream`: bytes in, events out, wherever the chunks were cut.
//
// Fields that Engine.IO has no use for (`event`, `retry`, unknown ones) and comments are skipped.
//
// Spec: HTML, "Server-sent events"; Sockeye transports, 1.3.

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
export function eventStream(): (bytes: Uint8Array) => StreamEvent[] {
  const decoder = new TextDecoder();
  let rest = "";
  let cr = false;
  let lines: string[] = [];
  let fields = false;
  let id = "";

  return (bytes) => {
    const events: StreamEvent[] = [];
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return events;
    // A CR that ended the last chunk ended its line at once, so a LF that begins this one belongs to it.
    if (cr && text[0] === "\n") text = text.slice(1);
    cr = text.endsWith("\r");
    let start = 0;
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      const line = rest + text.slice(start, end.index);
      rest = "";
      start = end.index + end[0].length;
      const [, name, value] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line)!;
      if (!line) {
        if (fields) events.push({ lines, id });
        lines = [];
        fields = false;
      } else if (name === "data") {
        lines.push(value!);
        fields = true;
      } else if (name === "id" && !value!.includes("\0")) {
        id = value!;
        fields = true;
      }
    }
    rest += text.slice(start);
    return events;
  };
}
