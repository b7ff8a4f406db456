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

/** A reader of one stream. An event that the stream's end cut short is never returned. */
export class EventStream {
  private readonly decoder = new TextDecoder();
  private rest = "";
  private cr = false;
  private lines: string[] = [];
  private fields = false;
  private id = "";

  /** Events that are complete with `bytes`. */
  push(bytes: Uint8Array): StreamEvent[] {
    const events: StreamEvent[] = [];
    let text = this.decoder.decode(bytes, { stream: true });
    if (!text) return events;
    // A CR that ended the last chunk ended its line at once, so a LF that begins this one belongs to it.
    if (this.cr && text[0] === "\n") text = text.slice(1);
    this.cr = text ? text.endsWith("\r") : false;
    let start = 0;
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      this.line(this.rest + text.slice(start, end.index), events);
      this.rest = "";
      start = end.index + end[0].length;
    }
    this.rest += text.slice(start);
    return events;
  }

  private line(line: string, events: StreamEvent[]): void {
    if (!line) {
      if (this.fields) events.push({ lines: this.lines, id: this.id });
      this.lines = [];
      this.fields = false;
      return;
    }
    const [, name, value] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line)!;
    if (name === "data") this.lines.push(value!);
    else if (name === "id" && !value!.includes("\0")) this.id = value!;
    else return;
    this.fields = true;
  }
}
