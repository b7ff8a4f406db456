// Listens at the doors through which any client must go: fetch, XMLHttpRequest, EventSource, WebSocket. It sees requests open and
// end, and packets pass, with their times; it changes none of them. Loaded before the client. Draws nothing.

const path = "/socket.io/";
const kept = 60_000; // ms of history
const encoder = new TextEncoder();

/** What passed: `requests` `{ method, via, start, end }` (`end` is `Infinity` while open); `packets` `{ at, up, message }`. */
export const tap = {
  requests: [],
  packets: [],
  /** The client's own counters in shape; used where a client keeps none. */
  stats: { requests: 0, bytesUp: 0, bytesDown: 0, messagesUp: 0, messagesDown: 0 },
  /** Whether a request of this technique is open that brings packets down. */
  holds: (via) => tap.requests.some((one) => one.via === via && one.method === "GET" && one.end === Infinity),
};

const now = () => performance.now();
const ours = (url) => new URL(url, location.href).pathname.startsWith(path);
const size = (data) => {
  if (typeof data === "string") return encoder.encode(data).length;
  return data?.byteLength ?? data?.size ?? 0;
};

let polling = "long-polling";

/** Which technique a request belongs to, by its address; a POST does not say how long the GETs beside it wait. */
function technique(method, url) {
  const { searchParams } = new URL(url, location.href);
  const transport = searchParams.get("transport");
  if (transport !== "polling") return transport;
  if (method === "GET") polling = searchParams.get("wait") === "0" ? "short-polling" : "long-polling";
  return polling;
}

function opened(method, url) {
  const request = { method, via: technique(method, url), start: now(), end: Infinity };
  const old = now() - kept;
  tap.requests = tap.requests.filter((one) => one.end > old);
  tap.packets = tap.packets.filter((one) => one.at > old);
  tap.requests.push(request);
  tap.stats.requests += 1;
  return request;
}

function ended(request) {
  if (request.end === Infinity) request.end = now();
}

function packet(up, kind) {
  const message = kind === "4" || kind === "b";
  tap.packets.push({ at: now(), up, message });
  if (message) tap.stats[up ? "messagesUp" : "messagesDown"] += 1;
}

function passed(up, data) {
  tap.stats[up ? "bytesUp" : "bytesDown"] += size(data);
}

/** A polling body: packets divided by 0x1E, each begins with its type. */
function payload(up, data) {
  if (typeof data !== "string" || data === "" || data === "ok") return;
  for (const one of data.split("\x1e")) packet(up, one[0]);
}

/** Watches the text of an event stream: each `data:` line is a packet. Chunks end anywhere, so the last line waits for its end. */
function events() {
  const decoder = new TextDecoder();
  let rest = "";
  return (bytes) => {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\r|\n/);
    rest = lines.pop();
    for (const line of lines) {
      const data = /^data: ?(.)/.exec(line);
      if (data) packet(false, data[1]);
    }
  };
}

const responses = new WeakMap(); // Response -> request
const streams = new WeakMap(); // its body -> request
const readers = new WeakMap(); // a reader of that body -> { request, watch }

const plainFetch = window.fetch;
window.fetch = async function fetch(input, init) {
  const url = input instanceof Request ? input.url : String(input);
  if (!ours(url)) return plainFetch.call(this, input, init);
  const request = opened((init?.method ?? input.method ?? "GET").toUpperCase(), url);
  if (init?.body) {
    passed(true, init.body);
    payload(true, init.body);
  }
  init?.signal?.addEventListener("abort", () => ended(request));
  try {
    const response = await plainFetch.call(this, input, init);
    responses.set(response, request);
    if (response.body) streams.set(response.body, request);
    else ended(request);
    return response;
  } catch (error) {
    ended(request);
    throw error;
  }
};

for (const method of ["text", "arrayBuffer", "json", "blob"]) {
  const plain = Response.prototype[method];
  Response.prototype[method] = async function () {
    const request = responses.get(this);
    try {
      const body = await plain.call(this);
      if (request) {
        passed(false, method === "json" ? JSON.stringify(body) : body);
        if (method === "text") payload(false, body);
      }
      return body;
    } finally {
      if (request) ended(request);
    }
  };
}

const plainGetReader = ReadableStream.prototype.getReader;
ReadableStream.prototype.getReader = function (...options) {
  const reader = plainGetReader.apply(this, options);
  const request = streams.get(this);
  if (request) readers.set(reader, { request, watch: events() });
  return reader;
};

const plainRead = ReadableStreamDefaultReader.prototype.read;
ReadableStreamDefaultReader.prototype.read = async function () {
  const stream = readers.get(this);
  try {
    const step = await plainRead.call(this);
    if (stream && step.value) {
      passed(false, step.value);
      stream.watch(step.value);
    }
    if (stream && step.done) ended(stream.request);
    return step;
  } catch (error) {
    if (stream) ended(stream.request);
    throw error;
  }
};

const plainOpen = XMLHttpRequest.prototype.open;
const addressed = new WeakMap(); // XMLHttpRequest -> { method, url }, if it is ours
XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  if (ours(url)) addressed.set(this, { method: method.toUpperCase(), url });
  return plainOpen.call(this, method, url, ...rest);
};

const plainSend = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
  const address = addressed.get(this);
  if (address) {
    const request = opened(address.method, address.url);
    if (body) {
      passed(true, body);
      payload(true, body);
    }
    this.addEventListener("loadend", () => {
      ended(request);
      const textual = this.responseType === "" || this.responseType === "text";
      const answer = textual ? this.responseText : this.response;
      passed(false, answer);
      payload(false, answer);
    });
  }
  return plainSend.call(this, body);
};

if (window.EventSource) {
  window.EventSource = class extends EventSource {
    #request;
    constructor(url, options) {
      super(url, options);
      if (!ours(url)) return;
      this.#request = opened("GET", url);
      this.addEventListener("message", ({ data }) => {
        passed(false, data);
        for (const line of data.split("\n")) packet(false, line[0]);
      });
      this.addEventListener("error", () => this.readyState === this.CLOSED && ended(this.#request));
    }
    close() {
      if (this.#request) ended(this.#request);
      super.close();
    }
  };
}

window.WebSocket = class extends WebSocket {
  #request;
  constructor(url, protocols) {
    super(url, protocols);
    if (!ours(url)) return;
    this.#request = opened("GET", url);
    this.addEventListener("message", ({ data }) => {
      passed(false, data);
      packet(false, typeof data === "string" ? data[0] : "b");
    });
    this.addEventListener("close", () => ended(this.#request));
  }
  send(data) {
    if (this.#request) {
      passed(true, data);
      packet(true, typeof data === "string" ? data[0] : "b");
    }
    super.send(data);
  }
};
