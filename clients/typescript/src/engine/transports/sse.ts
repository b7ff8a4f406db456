// HTTP streaming: packets come as server-sent events on one long response, and leave in POSTs.
//
// A stream that breaks is asked for again from the last event that came whole; while it is gone nothing is posted,
// since a POST that fails cannot be told from one that arrived.
//
// Spec: Sockeye transports, "SSE transport", 1.1 to 1.7 and 1.10.

import { Backoff } from "../../backoff.js";
import { EventStream } from "../event_stream.js";
import { decodeBase64, decodeText, utf8Length, type Packet } from "../packet.js";
import {
  address,
  notAPacket,
  TransportError,
  type EventSourceConstructor,
  type Route,
  type Transport,
  type TransportEvents,
} from "../transport.js";
import { request, Upload } from "./http.js";

/** How long a broken stream is asked for again, in milliseconds: as long as servers keep its session by default. */
const RESUME_FOR = 15_000;
/** The first and the longest wait between two such requests, in milliseconds. */
const RESUME_MIN = 100;
const RESUME_MAX = 2_000;

type State = "opening" | "open" | "resuming" | "closed";

export class Sse implements Transport {
  readonly name = "sse";
  private state: State = "opening";
  private readonly upload: Upload;
  private readonly backoff = new Backoff();
  private resumeUntil = 0;
  private lastEventId = "";
  /** Whether the last packet was the noop after which the server writes nothing more here. */
  private sealed = false;
  private onpaused?: (() => void) | undefined;
  private abort?: AbortController;
  private source?: EventSource;
  private cancelWait?: (() => void) | undefined;

  constructor(
    private readonly route: Route,
    public events: TransportEvents,
  ) {
    this.upload = new Upload(
      route,
      "sse",
      () => {
        if (this.onpaused) this.checkPaused();
        else if (this.state === "open") this.events.ondrain();
      },
      (error) => this.end(error),
    );
  }

  get writable(): boolean {
    return this.state === "open" && !this.upload.busy;
  }

  open(): void {
    const { sse } = this.route.options.transportOptions;
    const canFetch = typeof Response === "function" && "body" in Response.prototype && typeof TextDecoder === "function";
    const Source = sse?.EventSource || (typeof EventSource === "function" ? EventSource : undefined);
    if (canFetch && !(sse?.EventSource && !sse.fetch)) void this.fetchStream();
    else if (Source) this.openSource(Source);
    else this.events.onclose(new TransportError("sse: no response can be read as a stream here"));
  }

  send(packets: Packet[]): void {
    this.upload.send(packets);
  }

  // The stream ends with a noop: what the server wrote before must not be cut off with it.
  pause(done: () => void): void {
    this.onpaused = done;
    this.checkPaused();
  }

  resume(): void {
    this.onpaused = undefined;
  }

  close(): void {
    const { state } = this;
    this.state = "closed";
    this.cancelWait?.();
    if (state === "open") this.upload.close(() => this.cut());
    else this.cut();
  }

  private end(error?: TransportError): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.cancelWait?.();
    this.upload.cancel();
    this.cut();
    this.events.onclose(error);
  }

  private cut(): void {
    this.abort?.abort();
    this.source?.close();
  }

  private checkPaused(): void {
    const { onpaused } = this;
    if (!onpaused || !this.sealed || this.upload.busy) return;
    this.onpaused = undefined;
    this.state = "closed";
    this.cut();
    onpaused();
  }

  // ---- the stream, read by fetch

  private async fetchStream(): Promise<void> {
    const { route, lastEventId } = this;
    const abort = (this.abort = new AbortController());
    let response: Response;
    try {
      response = await request(route, "sse", {
        method: "GET",
        abort,
        headers: { Accept: "text/event-stream", ...(lastEventId && { "Last-Event-ID": lastEventId }) },
      });
    } catch (error) {
      this.refused(error as TransportError);
      return;
    }
    // 204 is the answer to a `Last-Event-ID` that the server no longer knows.
    if (response.status !== 200 || !(response.headers.get("content-type") || "").startsWith("text/event-stream")) {
      abort.abort();
      this.refused(new TransportError("sse: the answer is no event stream", response.status));
      return;
    }
    this.opened();
    try {
      await this.read(response.body!.getReader());
    } catch {
      // A stream has no other way to say that it broke; `lost` goes on as at an end in order.
    }
    this.lost();
  }

  private async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const stream = new EventStream();
    while (this.state !== "closed") {
      const { done, value } = await reader.read();
      if (done) return;
      this.route.stats.bytesDown += value.byteLength;
      for (const { lines, id } of stream.push(value)) this.receive(lines, id);
    }
  }

  // ---- the stream, read by the runtime's EventSource, which asks again by itself

  private openSource(Source: EventSourceConstructor): void {
    const { route } = this;
    route.stats.requests++;
    const source = (this.source = new Source(address(route, "http", "sse"), {
      withCredentials: route.options.withCredentials,
    }));
    source.onopen = () => this.opened();
    source.onmessage = (event: MessageEvent<string>) => {
      route.stats.bytesDown += utf8Length(event.data);
      this.receive(event.data.split("\n"), event.lastEventId);
    };
    source.onerror = () => {
      // 2 is CLOSED: refused for good. Otherwise it is on its way to connect again.
      if (source.readyState === 2) this.refused(new TransportError("sse: the stream was refused"));
      else if (this.state === "opening") this.end(new TransportError("sse: the server cannot be reached"));
      else if (this.state === "open") {
        route.stats.requests++;
        this.state = "resuming";
        this.cancelWait = route.options.clock.after(RESUME_FOR, () => this.end());
      }
    };
  }

  // ---- what both have in common

  private opened(): void {
    const { state, events } = this;
    if (state === "closed") return;
    this.cancelWait?.();
    this.cancelWait = undefined;
    this.resumeUntil = 0;
    this.state = "open";
    if (state === "opening") events.onopen();
    else events.onresume();
  }

  private receive(lines: readonly string[], id: string): void {
    for (const line of lines) {
      if (this.state === "closed") return;
      const packet = decodeLine(line);
      if (!packet) return this.end(notAPacket(this.name, line));
      if (packet.type === "close") return this.end();
      this.sealed = packet.type === "noop";
      this.events.onpacket(packet);
    }
    this.lastEventId = id;
    this.backoff.reset();
    this.checkPaused();
  }

  private refused(error: TransportError): void {
    if (this.state === "closed") return;
    if (this.state === "opening") this.end(error);
    // A status tells that the server lives and knows no such stream any more: the session is over, in order.
    else if (error.description instanceof Error) this.lost();
    else this.end();
  }

  private lost(): void {
    const { route, state } = this;
    const { clock } = route.options;
    if (state === "closed") return;
    if (!this.lastEventId) return this.end(state === "opening" ? new TransportError("sse: the stream broke") : undefined);
    this.state = "resuming";
    this.resumeUntil ||= clock.now() + RESUME_FOR;
    const wait = this.backoff.next(RESUME_MIN, RESUME_MAX, 0.5, clock.random());
    if (clock.now() + wait > this.resumeUntil) return this.end();
    this.cancelWait = clock.after(wait, () => void this.fetchStream());
  }
}

/** `B` and base64 is a text packet that holds line ends, which the stream would take for its own. */
function decodeLine(line: string): Packet<ArrayBuffer> | null {
  return decodeText(line[0] === "B" ? new TextDecoder().decode(decodeBase64(line.slice(1))) : line);
}
