// HTTP as polling and SSE use it: one request, and the POSTs that carry packets up.

import { encodeText, isBlob, utf8Length, type Packet } from "../packet.js";
import { joinPayload } from "../payload.js";
import { address, TransportError, type Route, type TransportName } from "../transport.js";

/** What a request may say beyond its address. */
export interface RequestInit {
  readonly method: "GET" | "POST";
  /** What ends the request from our side. */
  readonly abort: AbortController;
  readonly body?: string;
  readonly wait?: number | undefined;
  readonly headers?: Record<string, string>;
  /** Whether the request goes on when its page is left. */
  readonly keepalive?: boolean;
}

/**
 * Asks the server; any answer but 2xx is an error that says what the server said.
 *
 * `fetch` is called without `credentials: "omit"` even where no cookie is wanted: that would use another pool of
 * connections, at the cost of a new set-up.
 */
export async function request(route: Route, transport: "polling" | "sse", init: RequestInit): Promise<Response> {
  const { options, stats } = route;
  const { clock, requestTimeout } = options;
  const { method, abort, body, wait, headers, keepalive } = init;
  const ask = options.transportOptions[transport]?.fetch || fetch;
  stats.requests++;
  if (body !== undefined) stats.bytesUp += utf8Length(body);
  const done = requestTimeout ? clock.after(requestTimeout, () => abort.abort()) : () => {};
  let response: Response;
  try {
    response = await ask(address(route, "http", transport, wait), {
      method,
      signal: abort.signal,
      headers: { ...options.extraHeaders, ...headers },
      credentials: options.withCredentials ? "include" : "same-origin",
      cache: "no-store",
      ...(body !== undefined && { body }),
      ...(keepalive && { keepalive }),
    });
  } catch (error) {
    throw new TransportError(transport + ": the server cannot be reached", error);
  } finally {
    done();
  }
  if (response.ok) return response;
  throw await refusal(route, transport, response);
}

/** The body of a response as text, counted. */
export async function readText(route: Route, transport: TransportName, response: Response): Promise<string> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw new TransportError(transport + ": the answer was cut off", error);
  }
  route.stats.bytesDown += utf8Length(text);
  return text;
}

async function refusal(route: Route, transport: TransportName, response: Response): Promise<TransportError> {
  const text = await readText(route, transport, response).catch(() => "");
  let code: number | undefined;
  let message = "";
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body) {
      if ("code" in body && typeof body.code === "number") code = body.code;
      if ("message" in body) message = " " + String(body.message);
    }
  } catch {
    // Not from an Engine.IO server: the status has to do.
  }
  return new TransportError(`${transport}: the server answered ${response.status}${message}`, response.status, code);
}

/** The way up of polling and SSE: payloads in POSTs, one at a time, so that they arrive in order. */
export class Upload {
  /** Whether a POST is under way. */
  busy = false;
  private abort?: AbortController;
  private onidle: (() => void) | undefined;

  constructor(
    private readonly route: Route,
    private readonly transport: "polling" | "sse",
    private readonly ondone: () => void,
    private readonly onfail: (error: TransportError) => void,
  ) {}

  /** Sends packets; `ondone` or `onfail` follows. Only while not `busy`. */
  send(packets: readonly Packet[], keepalive = false): void {
    this.busy = true;
    const end = (done: () => void) => {
      this.busy = false;
      (this.onidle || done)();
    };
    void this.post(packets, keepalive).then(
      () => end(this.ondone),
      (error: TransportError) => end(() => this.onfail(error)),
    );
  }

  /** Says goodbye behind a POST that is under way, then calls `done`, whether it was heard or not. */
  close(done: () => void): void {
    const goodbye = () => {
      this.onidle = done;
      this.send([{ type: "close" }], true);
    };
    if (this.busy) this.onidle = goodbye;
    else goodbye();
  }

  /** Cuts a POST that is under way; it calls nothing any more. */
  cancel(): void {
    this.onidle = () => {};
    this.abort?.abort();
  }

  private async post(packets: readonly Packet[], keepalive: boolean): Promise<void> {
    const { route, transport } = this;
    const abort = (this.abort = new AbortController());
    const response = await request(route, transport, {
      method: "POST",
      // A content type that needs no preflight.
      headers: { "Content-Type": "text/plain;charset=UTF-8" },
      body: await encode(packets),
      abort,
      keepalive,
    });
    await readText(route, transport, response);
  }
}

async function encode(packets: readonly Packet[]): Promise<string> {
  const texts: string[] = [];
  for (const { type, data } of packets) texts.push(encodeText(type, isBlob(data) ? await data.arrayBuffer() : data));
  return joinPayload(texts);
}
