// HTTP streaming: packets come as server-sent events on one long response, and leave in POSTs.
//
// A stream that breaks is asked for again from the last event that came whole; while it is gone nothing is posted,
// since a POST that fails cannot be told from one that arrived.
//
// Spec: Sockeye transports, "SSE transport", 1.1 to 1.7 and 1.10.

import { Backoff } from "../../backoff.js";
import { eventStream } from "../event_stream.js";
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
import { request, upload } from "./http.js";

/** How long a broken stream is asked for again, in milliseconds: as long as servers keep its session by default. */
const RESUME_FOR = 15_000;
/** The first and the longest wait between two such requests, in milliseconds, and how far they are spread. */
const RESUME_MIN = 100;
const RESUME_MAX = 2_000;
const RESUME_JITTER = 0.5;

export function sse(route: Route, firstEvents: TransportEvents): Transport {
  const { options, stats } = route;
  const { clock } = options;
  const backoff = new Backoff();
  let state: "opening" | "open" | "resuming" | "closed" = "opening";
  let resumeUntil = 0;
  let lastEventId = "";
  // Whether the last packet was the noop after which the server writes nothing more here.
  let sealed = false;
  let onpaused: (() => void) | undefined;
  let cut = () => {};
  let cancelWait = () => {};

  const transport: Transport = {
    name: "sse",
    events: firstEvents,

    get writable() {
      return state === "open" && !up.busy;
    },

    open() {
      const given = options.transportOptions.sse;
      const canRead =
        typeof Response === "function" && "body" in Response.prototype && typeof TextDecoder === "function";
      const Source = given?.EventSource || (typeof EventSource === "function" ? EventSource : undefined);
      if (canRead && !(given?.EventSource && !given.fetch)) void fetchStream();
      else if (Source) openSource(Source);
      else transport.events.onclose(new TransportError("sse: no response can be read as a stream here"));
    },

    send(packets) {
      up.send(packets);
    },

    // The stream ends with a noop: what the server wrote before must not be cut off with it.
    pause(done) {
      onpaused = done;
      checkPaused();
    },

    resume() {
      onpaused = undefined;
    },

    close(goodbye) {
      const before = state;
      state = "closed";
      cancelWait();
      // The server keeps a session whose stream is gone: it has to be told, too.
      if (goodbye && route.sid && (before === "open" || before === "resuming")) up.close(() => cut());
      else {
        up.cancel();
        cut();
      }
    },
  };

  const up = upload(
    route,
    "sse",
    () => {
      if (onpaused) checkPaused();
      else if (state === "open") transport.events.ondrain();
    },
    end,
  );

  function end(error?: TransportError, description?: unknown): void {
    if (state === "closed") return;
    state = "closed";
    cancelWait();
    up.cancel();
    cut();
    transport.events.onclose(error, description);
  }

  function checkPaused(): void {
    const done = onpaused;
    if (!done || !sealed || up.busy) return;
    onpaused = undefined;
    state = "closed";
    cut();
    done();
  }

  // ---- the stream, read by fetch

  async function fetchStream(): Promise<void> {
    const abort = new AbortController();
    cut = () => abort.abort();
    let response: Response;
    try {
      response = await request(route, "sse", {
        method: "GET",
        abort,
        headers: { Accept: "text/event-stream", ...(lastEventId && { "Last-Event-ID": lastEventId }) },
      });
    } catch (error) {
      refused(error as TransportError);
      return;
    }
    // 204 is the answer to a `Last-Event-ID` that the server no longer knows.
    if (response.status !== 200 || !(response.headers.get("content-type") || "").startsWith("text/event-stream")) {
      cut();
      refused(new TransportError("sse: the answer is no event stream", response.status));
      return;
    }
    opened();
    try {
      await read(response.body!.getReader());
    } catch {
      // A stream has no other way to say that it broke; `lost` goes on as at an end in order.
    }
    lost();
  }

  async function read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const parse = eventStream();
    while (state !== "closed") {
      const { done, value } = await reader.read();
      if (done) return;
      stats.bytesDown += value.byteLength;
      for (const { lines, id } of parse(value)) receive(lines, id);
    }
  }

  // ---- the stream, read by the runtime's EventSource, which asks again by itself

  function openSource(Source: EventSourceConstructor): void {
    stats.requests++;
    const source = new Source(address(route, "http", "sse"), { withCredentials: options.withCredentials });
    cut = () => source.close();
    source.onopen = opened;
    source.onmessage = ({ data, lastEventId: id }: MessageEvent<string>) => {
      stats.bytesDown += utf8Length(data);
      receive(data.split("\n"), id);
    };
    source.onerror = () => {
      // 2 is CLOSED: refused for good. Otherwise it is on its way to connect again.
      if (source.readyState === 2) refused(new TransportError("sse: the stream was refused"));
      else if (state === "opening") end(new TransportError("sse: the server cannot be reached"));
      else if (state === "open") {
        stats.requests++;
        state = "resuming";
        cancelWait = clock.after(RESUME_FOR, end);
      }
    };
  }

  // ---- what both have in common

  function opened(): void {
    const before = state;
    if (before === "closed") return;
    cancelWait();
    resumeUntil = 0;
    state = "open";
    if (before === "opening") transport.events.onopen();
    else transport.events.onresume();
  }

  function receive(lines: readonly string[], id: string): void {
    for (const line of lines) {
      if (state === "closed") return;
      const packet = decodeLine(line);
      if (!packet) return end(notAPacket("sse", line));
      if (packet.type === "close") return end(undefined, { reason: packet.data });
      sealed = packet.type === "noop";
      transport.events.onpacket(packet);
    }
    lastEventId = id;
    backoff.reset();
    checkPaused();
  }

  function refused(error: TransportError): void {
    if (state === "opening") end(error);
    // A status tells that the server lives and knows no such stream any more: the session is over, in order.
    else if (error.description instanceof Error) lost();
    else end();
  }

  function lost(): void {
    if (state === "closed") return;
    if (!lastEventId) return end(state === "opening" ? new TransportError("sse: the stream broke") : undefined);
    state = "resuming";
    resumeUntil ||= clock.now() + RESUME_FOR;
    const wait = backoff.next(RESUME_MIN, RESUME_MAX, RESUME_JITTER, clock.random());
    if (clock.now() + wait > resumeUntil) return end();
    cancelWait = clock.after(wait, () => void fetchStream());
  }

  return transport;
}

/** `B` and base64 is a text packet that holds line ends, which the stream would take for its own. */
function decodeLine(line: string): Packet<ArrayBuffer> | null {
  return decodeText(line[0] === "B" ? new TextDecoder().decode(decodeBase64(line.slice(1))) : line);
}
