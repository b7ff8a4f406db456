// A bare TCP connection that says what it is told, reads only when it is asked to, and can vanish.

import { connect } from "node:net";
import { PATIENCE, within } from "../../conformance/support/time.mjs";

const CRLF = "\r\n";

/** The text of a request. `headers` are lines, or `[name, value]`. */
export function head(method, target, headers = []) {
  const lines = headers.map((header) => (Array.isArray(header) ? header.join(": ") : header));
  return [`${method} ${target} HTTP/1.1`, "Host: canary.example", ...lines, "", ""].join(CRLF);
}

export class Line {
  /** Resolves when it is connected. `reads` is whether it reads from the start. */
  static async open(server, { reads = true } = {}) {
    const line = new Line();
    const socket = connect({ host: server.host, port: server.port, allowHalfOpen: true });
    line.socket = socket;
    line.received = Buffer.alloc(0);
    line.total = 0;
    line.failed = undefined;
    line.hears = (chunk) => { line.received = line.received.length ? Buffer.concat([line.received, chunk]) : chunk; };
    line.finished = false;
    line.writes = new Set();
    line.wakers = [];
    line.ended = new Promise((resolve) => {
      const over = () => {
        line.finished = true;
        line.#wake();
        resolve(performance.now());
      };
      socket.once("end", over);
      socket.once("close", over);
    });
    socket.on("error", (error) => { line.failed = error; });
    socket.once("close", () => {
      for (const resolve of line.writes) resolve(false);
      line.writes.clear();
    });
    // Whoever only wants to send need not end by itself when the other side has.
    socket.once("end", () => socket.end());
    socket.setNoDelay(true);
    if (reads) line.read();
    await within(PATIENCE, new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    }), "a connection");
    return line;
  }

  /** Begins to read. */
  read() {
    this.socket.on("data", (chunk) => {
      this.total += chunk.length;
      this.hears(chunk);
      this.#wake();
    });
  }

  #wake() {
    for (const wake of this.wakers.splice(0)) wake();
  }

  /** Sends; resolves when the system has taken it (true), or the connection is gone. */
  write(data) {
    if (this.socket.destroyed || !this.socket.writable) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.writes.add(resolve);
      this.socket.write(data, (error) => {
        this.writes.delete(resolve);
        resolve(!error);
      });
    });
  }

  /**
   * Sends `chunk` over and over: at most `most` bytes, and no more when the other side has answered, has ended the
   * connection, or takes nothing for `patience` milliseconds. Gives how many bytes went out.
   */
  async flood(chunk, most, { patience = 1_000, untilAnswered = true } = {}) {
    let sent = 0;
    while (!this.finished && sent < most && !(untilAnswered && this.total > 0)) {
      let timer;
      const late = new Promise((resolve) => { timer = setTimeout(resolve, patience, false); });
      const taken = await Promise.race([this.write(chunk), late]);
      clearTimeout(timer);
      if (!taken) break;
      sent += chunk.length;
      // What the system takes at once would else leave no turn for reading.
      await new Promise(setImmediate);
    }
    return sent;
  }

  /** Waits until `found(received)` gives something, and gives that. */
  async until(found, what = "an answer", limit = PATIENCE) {
    const deadline = performance.now() + limit;
    for (;;) {
      const value = found(this.received);
      if (value !== undefined) return value;
      if (this.finished) throw new Error(`the connection ended before ${what}, behind ${JSON.stringify(this.received.toString("latin1").slice(0, 300))}`);
      await within(Math.max(1, deadline - performance.now()), new Promise((resolve) => this.wakers.push(resolve)), what);
    }
  }

  /** The next response, taken from what was received: `{ status, headers, text }`. */
  response(limit = PATIENCE, what = "a response") {
    return this.until(() => {
      const taken = parseResponse(this.received);
      if (!taken) return undefined;
      this.received = this.received.subarray(taken.size);
      return taken;
    }, what, limit);
  }

  /** All that comes until the other side ends the connection. */
  async rest(limit = PATIENCE) {
    await within(limit, this.ended, "the end of a connection");
    return this.received.toString("latin1");
  }

  /** Ends in order. */
  end() { this.socket.end(); }

  /** Closes without a word more. */
  cut() { this.socket.destroy(); }

  /** Resets, as a peer does whose power failed. */
  reset() { this.socket.resetAndDestroy(); }
}

/** The response at the front of `bytes`, or nothing while it is not whole. */
function parseResponse(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first, ...lines] = bytes.subarray(0, end).toString("latin1").split(CRLF);
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
  const status = Number(first.split(" ")[1]);
  const start = end + 4;
  if (status === 100 || status === 101 || status === 204) return { status, headers, text: "", size: start };
  if (headers["transfer-encoding"] === "chunked") {
    let text = "";
    let at = start;
    for (;;) {
      const line = bytes.indexOf(CRLF, at);
      if (line < 0) return undefined;
      const length = Number.parseInt(bytes.subarray(at, line).toString("latin1"), 16);
      if (bytes.length < line + 2 + length + 2) return undefined;
      if (length === 0) return { status, headers, text, size: line + 4 };
      text += bytes.subarray(line + 2, line + 2 + length).toString();
      at = line + 2 + length + 2;
    }
  }
  const length = Number(headers["content-length"] ?? 0);
  if (bytes.length < start + length) return undefined;
  return { status, headers, text: bytes.subarray(start, start + length).toString(), size: start + length };
}

/** Sends `bytes` on a connection of its own, and gives all responses until it ends or has been silent for a moment. */
export async function exchange(server, bytes, { limit = PATIENCE, silence = 300 } = {}) {
  const line = await Line.open(server);
  try {
    line.write(bytes);
    let before = -1;
    const deadline = performance.now() + limit;
    while (!line.finished && performance.now() < deadline) {
      if (line.total > 0 && before === line.total) break;
      before = line.total;
      await Promise.race([line.ended, new Promise((resolve) => setTimeout(resolve, line.total > 0 ? silence : 20))]);
    }
    const responses = [];
    let rest = line.received;
    for (;;) {
      const response = parseResponse(rest);
      if (!response) break;
      responses.push(response);
      rest = rest.subarray(response.size);
    }
    return { responses, text: line.received.toString("latin1"), ended: line.finished };
  } finally {
    line.cut();
  }
}
