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
  let reason: string | undefined;
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body) {
      if ("code" in body && typeof body.code === "number") code = body.code;
      if ("message" in body) reason = String(body.message);
    }
  } catch {
    // Not from an Engine.IO server: the status has to do.
  }
  const message = `${transport}: the server answered ${response.status}${reason ? " " + reason : ""}`;
  return new TransportError(message, response.status, code, reason);
}
/** How long a goodbye may take in milliseconds. Browsers have few connections for one server, none to leave hanging. */
export const GOODBYE_FOR = 5_000;

/** The way up of polling and SSE: payloads in POSTs, one at a time, so that they arrive in order. */
export interface Upload {
  /** Whether a POST is under way. */
  readonly busy: boolean;
  /** Sends packets; `ondone` or `onfail` follows. Only while not `busy`. */
  send(packets: readonly Packet[]): void;
  /** Says goodbye behind a POST that is under way, then calls `done`, whether it was heard or not, in 5 s at most. */
  close(done: () => void): void;
  /** Cuts a POST that is under way; it calls nothing any more. */
  cancel(): void;
}

export function upload(
  route: Route,
  transport: "polling" | "sse",
  ondone: () => void,
  onfail: (error: TransportError) => void,
): Upload {
  let busy = false;
  let abort: AbortController | undefined;
  let onidle: (() => void) | undefined;

  const post = async (packets: readonly Packet[], keepalive: boolean): Promise<void> => {
    abort = new AbortController();
    const response = await request(route, transport, {
      method: "POST",
      // A content type that needs no preflight.
      headers: { "Content-Type": "text/plain;charset=UTF-8" },
      body: await encode(packets),
      abort,
      keepalive,
    });
    await readText(route, transport, response);
  };

  const send = (packets: readonly Packet[], keepalive = false): void => {
    busy = true;
    const end = (done: () => void) => {
      busy = false;
      (onidle || done)();
    };
    void post(packets, keepalive).then(
      () => end(ondone),
      (error: TransportError) => end(() => onfail(error)),
    );
  };

  return {
    get busy() {
      return busy;
    },
    send,
    close(done) {
      const cancelTimer = route.options.clock.after(GOODBYE_FOR, () => {
        onidle = done;
        abort?.abort();
      });
      const goodbye = () => {
        onidle = () => {
          cancelTimer();
          done();
        };
        send([{ type: "close" }], true);
      };
      if (busy) onidle = goodbye;
      else goodbye();
    },
    cancel() {
      onidle = () => {};
      abort?.abort();
    },
  };
}

async function encode(packets: readonly Packet[]): Promise<string> {
  const texts: string[] = [];
  for (const { type, data } of packets) texts.push(encodeText(type, isBlob(data) ? await data.arrayBuffer() : data));
  return joinPayload(texts);
}
