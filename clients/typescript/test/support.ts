// What the tests share: a clock that they move, a network that they play, and the vectors.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../src/backoff.js";
import type { WebSocketConstructor } from "../src/engine/transport.js";

declare const PACKAGE_ROOT: string;

/** The directory of this package. */
export const packageRoot = PACKAGE_ROOT;

/** A table of spec/vectors. */
export function vectors<Table>(name: string): Table {
  return JSON.parse(readFileSync(join(PACKAGE_ROOT, "../../spec/vectors", name), "utf8")) as Table;
}

/** Strings that strict JSON cannot hold are written as their UTF-16 code units. */
export type VectorText = string | { readonly $utf16_hex: string };

export function readVectorText(text: VectorText): string {
  if (typeof text === "string") return text;
  return String.fromCharCode(...(text.$utf16_hex.match(/.{4}/g) ?? []).map((unit) => parseInt(unit, 16)));
}

export function toHex(bytes: ArrayBuffer | ArrayBufferView): string {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("hex");
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** Lets everything run that is ready to run: promises, streams and what they call. No time passes. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still until the test moves it, and a dice that always shows the same. */
export class MovedClock implements Clock {
  time = 1_000_000;
  dice = 0.5;
  private timers: { at: number; callback: () => void }[] = [];

  now = () => this.time;
  random = () => this.dice;

  after = (ms: number, callback: () => void) => {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  };

  /** The waits that stand, in milliseconds from now, shortest first. */
  get waits(): number[] {
    return this.timers.map((timer) => timer.at - this.time).sort((a, b) => a - b);
  }

  /** Lets `ms` milliseconds pass, calling what comes due in its order. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.time = next.at;
      this.timers = this.timers.filter((timer) => timer !== next);
      next.callback();
      await settle();
    }
    this.time = end;
  }
}

/** A request that the client made and that the test answers. */
export class PlayedRequest {
  readonly url: URL;
  readonly method: string;
  readonly body: string | undefined;
  readonly headers: Headers;
  aborted = false;
  answered = false;
  private stream?: ReadableStreamDefaultController<Uint8Array>;
  private resolve!: (response: Response) => void;
  private reject!: (error: unknown) => void;
  readonly response: Promise<Response>;

  constructor(url: string, init: RequestInit = {}) {
    this.url = new URL(url);
    this.method = init.method ?? "GET";
    this.body = init.body as string | undefined;
    this.headers = new Headers(init.headers);
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    init.signal?.addEventListener("abort", () => {
      this.aborted = true;
      const error = new DOMException("This operation was aborted", "AbortError");
      this.reject(error);
      try {
        this.stream?.error(error);
      } catch {
        // The stream had ended before.
      }
    });
  }

  get query(): Record<string, string> {
    return Object.fromEntries(this.url.searchParams);
  }

  /** Answers with a whole body. */
  async answer(body: string, status = 200, headers: Record<string, string> = {}): Promise<void> {
    this.answered = true;
    this.resolve(new Response(status === 204 ? null : body, { status, headers }));
    await settle();
  }

  /** Answers with a stream that stays open. */
  async startStream(): Promise<void> {
    this.answered = true;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.stream = controller;
      },
    });
    this.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } }));
    await settle();
  }

  /** Writes on the stream. */
  async write(text: string): Promise<void> {
    this.stream!.enqueue(new TextEncoder().encode(text));
    await settle();
  }

  /** Ends the stream in order. */
  async endStream(): Promise<void> {
    this.stream!.close();
    await settle();
  }

  /** Breaks the answer, or the stream that had begun. */
  async breakOff(): Promise<void> {
    this.answered = true;
    const error = new TypeError("fetch failed");
    if (this.stream) this.stream.error(error);
    else this.reject(error);
    await settle();
  }
}

/** A `fetch` whose other end is the test. */
export class PlayedHttp {
  readonly requests: PlayedRequest[] = [];

  readonly fetch = ((url: string, init?: RequestInit) => {
    const request = new PlayedRequest(url, init);
    this.requests.push(request);
    return request.response;
  }) as typeof fetch;

  /** The requests that wait for their answer. */
  get open(): PlayedRequest[] {
    return this.requests.filter((request) => !request.answered && !request.aborted);
  }

  /** The one request of `method` that waits for its answer. */
  async next(method: "GET" | "POST", transport?: string): Promise<PlayedRequest> {
    await settle();
    const found = this.open.filter(
      (request) => request.method === method && (!transport || request.query.transport === transport),
    );
    if (found.length !== 1) {
      const all = this.open.map((request) => `${request.method} ${request.url.search} ${request.body ?? ""}`);
      throw new Error(`expected one open ${method}, found ${found.length} among [${all.join("; ")}]`);
    }
    return found[0]!;
  }
}

/** A WebSocket whose other end is the test. */
export class PlayedWebSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason?: string }) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  binaryType = "";
  closed = false;
  readonly url: URL;
  /** What the client sent. */
  readonly sent: (string | ArrayBuffer | ArrayBufferView)[] = [];

  constructor(
    url: string,
    readonly protocols?: string[],
    readonly init?: { headers: Record<string, string> },
  ) {
    this.url = new URL(url);
  }

  send(message: string | ArrayBuffer | ArrayBufferView): void {
    this.sent.push(message);
  }

  close(): void {
    this.closed = true;
  }

  /** The connection is made. */
  async open(): Promise<void> {
    this.onopen?.();
    await settle();
  }

  /** A message arrives. */
  async say(...messages: (string | ArrayBuffer)[]): Promise<void> {
    for (const data of messages) this.onmessage?.({ data });
    await settle();
  }

  /** The connection is cut. */
  async drop(): Promise<void> {
    this.onclose?.({ code: 1006 });
    await settle();
  }

  /** What was sent since the last call. */
  take(): (string | ArrayBuffer | ArrayBufferView)[] {
    return this.sent.splice(0);
  }
}

/** A WebSocket class that keeps what it makes. */
export function playedWebSockets(): { made: PlayedWebSocket[]; WebSocket: WebSocketConstructor } {
  const made: PlayedWebSocket[] = [];
  class Played extends PlayedWebSocket {
    constructor(url: string, protocols?: string[], init?: { headers: Record<string, string> }) {
      super(url, protocols, init);
      made.push(this);
    }
  }
  return { made, WebSocket: Played as unknown as WebSocketConstructor };
}

/** An open packet, with short times that are easy to follow. */
export function openPacket(overrides: Record<string, unknown> = {}): string {
  return (
    "0" +
    JSON.stringify({
      sid: "SID",
      upgrades: [],
      pingInterval: 25_000,
      pingTimeout: 20_000,
      maxPayload: 1_000_000,
      ...overrides,
    })
  );
}

/** Keeps what is thrown from microtasks away from the runtime; returns what gives it back and ends this. */
export function catchReported(): () => unknown[] {
  const errors: unknown[] = [];
  const original = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (callback: () => void) =>
    original(() => {
      try {
        callback();
      } catch (error) {
        errors.push(error);
      }
    });
  return () => {
    globalThis.queueMicrotask = original;
    return errors;
  };
}
