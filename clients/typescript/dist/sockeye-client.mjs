/*! sockeye-client 0.1.0 | MIT OR Apache-2.0 */

// src/backoff.ts
var LONGEST = 2147483647;
var systemClock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST));
    return () => clearTimeout(timer);
  },
  random: () => Math.random()
};
var Backoff = class {
  constructor() {
    /** How many delays were given since the last reset. */
    this.attempts = 0;
  }
  /** The next delay in whole milliseconds; `random` is a number in [0, 1). */
  next(min, max, jitter, random) {
    const delay = Math.min(max, min * 2 ** this.attempts++);
    const spread = delay * (1 + (2 * random - 1) * jitter);
    return Math.max(0, Math.floor(spread > max ? 2 * max - spread : spread));
  }
  /** The next delay is `min` again. */
  reset() {
    this.attempts = 0;
  }
};
var JITTER = 0.1;
function pollScheduler(random, min) {
  let gap = min;
  return (full, max, limit) => {
    gap = full ? min : Math.min(max, gap * 2);
    return Math.floor(Math.min(limit, gap * (1 + (2 * random() - 1) * JITTER)));
  };
}

// src/emitter.ts
function report(error) {
  queueMicrotask(() => {
    throw error;
  });
}
function call(listener, receiver, args) {
  try {
    listener.apply(receiver, args);
  } catch (error) {
    report(error);
  }
}
var Emitter = class {
  constructor() {
    this.entries = /* @__PURE__ */ new Map();
  }
  /** Adds a listener. The same listener added twice is called twice. */
  on(event, listener) {
    return this.add(event, listener, false);
  }
  /** Adds a listener that is removed just before its first call. */
  once(event, listener) {
    return this.add(event, listener, true);
  }
  /** Removes one listener (its last registration); without `listener` all of that event; without `event` all. */
  off(event, listener) {
    if (event === void 0) this.entries.clear();
    else if (listener === void 0) this.entries.delete(event);
    else this.remove(event, (entry) => entry.listener === listener);
    return this;
  }
  /** Removes one listener, as `off(event, listener)`. */
  removeListener(event, listener) {
    return this.off(event, listener);
  }
  /** Removes all listeners of `event`, or all listeners, as `off(event?)`. */
  removeAllListeners(event) {
    return this.off(event);
  }
  /** The listeners of `event`, in calling order. */
  listeners(event) {
    return (this.entries.get(event) || []).map((entry) => entry.listener);
  }
  /** Whether `event` has a listener. */
  hasListeners(event) {
    return this.entries.has(event);
  }
  /** Tells the listeners of an event of our own. */
  fire(event, ...args) {
    this.dispatch(event, args);
  }
  /** Calls the listeners that stand now; what they add or remove counts from the next event on. */
  dispatch(event, args) {
    for (const entry of this.entries.get(event) || []) {
      if (entry.once) this.remove(event, (other) => other === entry);
      call(entry.listener, this, args);
    }
  }
  add(event, listener, once) {
    this.entries.set(event, [...this.entries.get(event) || [], { listener, once }]);
    return this;
  }
  // Lists are replaced, never changed, so that a running `dispatch` goes through the list that it began with.
  remove(event, matches) {
    const entries = [...this.entries.get(event) || []];
    for (let index = entries.length; index--; ) {
      if (matches(entries[index])) {
        entries.splice(index, 1);
        break;
      }
    }
    if (entries.length) this.entries.set(event, entries);
    else this.entries.delete(event);
  }
};

// src/engine/packet.ts
var TYPES = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
function isBinary(value) {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value) || isBlob(value);
}
function isBlob(value) {
  return typeof Blob === "function" && value instanceof Blob;
}
function toBytes(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
function encodeText(type, data) {
  return typeof data === "object" ? "b" + encodeBase64(toBytes(data)) : TYPES.indexOf(type) + (data || "");
}
function decodeText(text) {
  if (text[0] === "b") return { type: "message", data: decodeBase64(text.slice(1)) };
  const digit = text.charCodeAt(0) - 48;
  const type = TYPES[digit];
  if (!type) return null;
  return text.length > 1 ? { type, data: text.slice(1) } : { type };
}
function utf8Length(text) {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 127) bytes++;
    if (unit > 2047) bytes++;
    if (unit >= 56320 && unit < 57344 && index && (text.charCodeAt(index - 1) & 64512) === 55296) bytes -= 2;
  }
  return bytes;
}
function byteLength(data) {
  return typeof data === "string" ? utf8Length(data) : isBlob(data) ? data.size : data.byteLength;
}
var CHUNK = 8192;
function encodeBase64(bytes) {
  let binary = "";
  for (let start = 0; start < bytes.length; start += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK));
  }
  return btoa(binary);
}
function decodeBase64(text) {
  let binary;
  try {
    binary = atob(text);
  } catch {
    const clean = text.replace(/-/g, "+").replace(/_/g, "/").replace(/[^A-Za-z0-9+/]/g, "");
    binary = atob(clean.length % 4 === 1 ? clean.slice(0, -1) : clean);
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes.buffer;
}

// src/engine/payload.ts
var SEPARATOR = "";
function joinPayload(packets) {
  return packets.join(SEPARATOR);
}
function decodePayload(body) {
  const packets = [];
  for (const text of body.split(SEPARATOR)) {
    const packet = decodeText(text);
    packets.push(packet);
    if (!packet) break;
  }
  return packets;
}
function takePayload(outbox, maxPayload) {
  let size = -1;
  let count = 0;
  for (const { data } of outbox) {
    size += 2;
    if (data !== void 0) {
      const bytes = byteLength(data);
      size += typeof data === "string" ? bytes : 4 * Math.ceil(bytes / 3);
    }
    if (count && maxPayload && size > maxPayload) break;
    count++;
  }
  return outbox.splice(0, count);
}

// src/engine/transport.ts
var TransportError = class extends Error {
  constructor(message, description, code, reason) {
    super(message);
    this.description = description;
    this.code = code;
    this.reason = reason;
    this.type = "TransportError";
  }
};
function notAPacket(transport, found) {
  return new TransportError(transport + ": the server sent what is no packet", found);
}
function address(route, scheme, transport, wait) {
  const { options } = route;
  const query = {};
  for (const [name, value] of Object.entries(options.query)) {
    if (value !== void 0) query[name] = String(value);
  }
  query.EIO = "4";
  query.transport = transport;
  if (options.transports.includes("sse")) query.sse = "1";
  if (options.forceBase64) query.b64 = "1";
  if (wait !== void 0) query.wait = String(wait);
  if (options.timestampRequests ?? transport === "polling") {
    query[options.timestampParam] = options.clock.random().toString(36).slice(2, 10);
  }
  if (route.sid) query.sid = route.sid;
  return `${scheme}${route.secure ? "s" : ""}://${route.host}${options.path}?${new URLSearchParams(query)}`;
}

// src/engine/transports/http.ts
async function request(route, transport, init) {
  const { options, stats } = route;
  const { clock, requestTimeout } = options;
  const { method, abort, body, wait, headers, keepalive } = init;
  const ask = options.transportOptions[transport]?.fetch || fetch;
  stats.requests++;
  if (body !== void 0) stats.bytesUp += utf8Length(body);
  const done = requestTimeout ? clock.after(requestTimeout, () => abort.abort()) : () => {
  };
  let response;
  try {
    response = await ask(address(route, "http", transport, wait), {
      method,
      signal: abort.signal,
      headers: { ...options.extraHeaders, ...headers },
      credentials: options.withCredentials ? "include" : "same-origin",
      cache: "no-store",
      ...body !== void 0 && { body },
      ...keepalive && { keepalive }
    });
  } catch (error) {
    throw new TransportError(transport + ": the server cannot be reached", error);
  } finally {
    done();
  }
  if (response.ok) return response;
  throw await refusal(route, transport, response);
}
async function readText(route, transport, response) {
  let text;
  try {
    text = await response.text();
  } catch (error) {
    throw new TransportError(transport + ": the answer was cut off", error);
  }
  route.stats.bytesDown += utf8Length(text);
  return text;
}
async function refusal(route, transport, response) {
  const text = await readText(route, transport, response).catch(() => "");
  let code;
  let reason;
  try {
    const body = JSON.parse(text);
    if (typeof body === "object" && body) {
      if ("code" in body && typeof body.code === "number") code = body.code;
      if ("message" in body) reason = String(body.message);
    }
  } catch {
  }
  const message = `${transport}: the server answered ${response.status}${reason ? " " + reason : ""}`;
  return new TransportError(message, response.status, code, reason);
}
var GOODBYE_FOR = 5e3;
function upload(route, transport, ondone, onfail) {
  let busy = false;
  let abort;
  let onidle;
  const post = async (packets, keepalive) => {
    abort = new AbortController();
    const response = await request(route, transport, {
      method: "POST",
      // A content type that needs no preflight.
      headers: { "Content-Type": "text/plain;charset=UTF-8" },
      body: await encode(packets),
      abort,
      keepalive
    });
    await readText(route, transport, response);
  };
  const send = (packets, keepalive = false) => {
    busy = true;
    const end = (done) => {
      busy = false;
      (onidle || done)();
    };
    void post(packets, keepalive).then(
      () => end(ondone),
      (error) => end(() => onfail(error))
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
      onidle = () => {
      };
      abort?.abort();
    }
  };
}
async function encode(packets) {
  const texts = [];
  for (const { type, data } of packets) texts.push(encodeText(type, isBlob(data) ? await data.arrayBuffer() : data));
  return joinPayload(texts);
}

// src/engine/transports/polling.ts
var MIN_GAP = 250;
var MAX_GAP = 5e3;
var MAX_GAP_QUIET = 3e4;
function polling(route, firstEvents) {
  const { poll, clock } = route.options;
  const { min = MIN_GAP, max = MAX_GAP } = poll;
  const nextGap = poll.wait === 0 ? pollScheduler(clock.random, min) : void 0;
  let state = "opening";
  let get;
  let cancelGap;
  let onpaused;
  const transport = {
    name: "polling",
    events: firstEvents,
    get writable() {
      return state === "open" && !up.busy;
    },
    open() {
      if (nextGap && typeof document === "object") document.addEventListener("visibilitychange", hurry);
      void ask();
    },
    send(packets) {
      up.send(packets);
      hurry();
    },
    pause(done) {
      onpaused = done;
      stopGap();
      checkPaused();
    },
    resume() {
      if (!onpaused) return;
      onpaused = void 0;
      if (!get) void ask();
    },
    close(withGoodbye) {
      const before = state;
      stopGap();
      forget();
      state = before === "opening" && get ? "closing" : "closed";
      if (before === "open" && withGoodbye) goodbye();
      else if (state === "closing") cancelGap = clock.after(GOODBYE_FOR, () => get?.abort());
    }
  };
  const up = upload(
    route,
    "polling",
    () => {
      if (onpaused) checkPaused();
      else transport.events.ondrain();
    },
    fail
  );
  function goodbye() {
    up.close(() => get?.abort());
  }
  function fail(error, description) {
    const before = state;
    state = "closed";
    stopGap();
    forget();
    if (before === "closed" || before === "closing") return;
    up.cancel();
    get?.abort();
    transport.events.onclose(error, description);
  }
  async function ask() {
    let body;
    get = new AbortController();
    try {
      const response = await request(route, "polling", { method: "GET", abort: get, wait: poll.wait });
      body = await readText(route, "polling", response);
    } catch (error) {
      fail(error);
      return;
    } finally {
      get = void 0;
    }
    receive(decodePayload(body));
  }
  function receive(packets) {
    const [first] = packets;
    if (state === "closing") {
      stopGap();
      state = "closed";
      if (first?.type === "open" && first.data) {
        route.sid = JSON.parse(first.data).sid;
        goodbye();
      }
      return;
    }
    if (state === "opening" && first?.type === "open") {
      state = "open";
      transport.events.onopen();
    }
    let full = false;
    for (const packet of packets) {
      if (state !== "open") break;
      if (!packet) return fail(notAPacket("polling", packets));
      if (packet.type === "close") return fail(void 0, { reason: packet.data });
      full || (full = packet.type !== "noop");
      transport.events.onpacket(packet);
    }
    if (state === "opening") fail(new TransportError("polling: the server sent no handshake", packets));
    else if (onpaused) checkPaused();
    else if (state === "open") schedule(full);
  }
  function schedule(full) {
    stopGap();
    if (!nextGap) {
      void ask();
      return;
    }
    const limit = route.pingTimeout ? route.pingTimeout / 2 : Infinity;
    const gap = nextGap(full, isQuiet() ? Math.max(max, MAX_GAP_QUIET) : max, limit);
    cancelGap = clock.after(gap, () => {
      cancelGap = void 0;
      void ask();
    });
  }
  function hurry() {
    if (state === "open" && cancelGap) schedule(true);
  }
  function stopGap() {
    cancelGap?.();
    cancelGap = void 0;
  }
  function forget() {
    if (nextGap && typeof document === "object") document.removeEventListener("visibilitychange", hurry);
  }
  function checkPaused() {
    const done = onpaused;
    if (!done || get || up.busy) return;
    onpaused = void 0;
    state = "paused";
    forget();
    done();
  }
  return transport;
}
function isQuiet() {
  return typeof document === "object" && document.visibilityState === "hidden" || typeof navigator === "object" && navigator.connection?.saveData === true;
}

// src/engine/event_stream.ts
function eventStream() {
  const decoder = new TextDecoder();
  let rest = "";
  let cr = false;
  let lines = [];
  let fields = false;
  let id = "";
  return (bytes) => {
    const events = [];
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return events;
    if (cr && text[0] === "\n") text = text.slice(1);
    cr = text.endsWith("\r");
    let start = 0;
    for (const end of text.matchAll(/\r\n|\n|\r/g)) {
      const line = rest + text.slice(start, end.index);
      rest = "";
      start = end.index + end[0].length;
      const [, name, value] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line);
      if (!line) {
        if (fields) events.push({ lines, id });
        lines = [];
        fields = false;
      } else if (name === "data") {
        lines.push(value);
        fields = true;
      } else if (name === "id" && !value.includes("\0")) {
        id = value;
        fields = true;
      }
    }
    rest += text.slice(start);
    return events;
  };
}

// src/engine/transports/sse.ts
var RESUME_FOR = 15e3;
var RESUME_MIN = 100;
var RESUME_MAX = 2e3;
var RESUME_JITTER = 0.5;
function sse(route, firstEvents) {
  const { options, stats } = route;
  const { clock } = options;
  const backoff = new Backoff();
  let state = "opening";
  let resumeUntil = 0;
  let lastEventId = "";
  let sealed = false;
  let onpaused;
  let cut = () => {
  };
  let cancelWait = () => {
  };
  const transport = {
    name: "sse",
    events: firstEvents,
    get writable() {
      return state === "open" && !up.busy;
    },
    open() {
      const given = options.transportOptions.sse;
      const canRead = typeof Response === "function" && "body" in Response.prototype && typeof TextDecoder === "function";
      const Source = given?.EventSource || (typeof EventSource === "function" ? EventSource : void 0);
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
      onpaused = void 0;
    },
    close(goodbye) {
      const before = state;
      state = "closed";
      cancelWait();
      if (goodbye && route.sid && (before === "open" || before === "resuming")) up.close(() => cut());
      else {
        up.cancel();
        cut();
      }
    }
  };
  const up = upload(
    route,
    "sse",
    () => {
      if (onpaused) checkPaused();
      else if (state === "open") transport.events.ondrain();
    },
    end
  );
  function end(error, description) {
    if (state === "closed") return;
    state = "closed";
    cancelWait();
    up.cancel();
    cut();
    transport.events.onclose(error, description);
  }
  function checkPaused() {
    const done = onpaused;
    if (!done || !sealed || up.busy) return;
    onpaused = void 0;
    state = "closed";
    cut();
    done();
  }
  async function fetchStream() {
    const abort = new AbortController();
    cut = () => abort.abort();
    let response;
    try {
      response = await request(route, "sse", {
        method: "GET",
        abort,
        headers: { Accept: "text/event-stream", ...lastEventId && { "Last-Event-ID": lastEventId } }
      });
    } catch (error) {
      refused(error);
      return;
    }
    if (response.status !== 200 || !(response.headers.get("content-type") || "").startsWith("text/event-stream")) {
      cut();
      refused(new TransportError("sse: the answer is no event stream", response.status));
      return;
    }
    opened();
    try {
      await read(response.body.getReader());
    } catch {
    }
    lost();
  }
  async function read(reader) {
    const parse = eventStream();
    while (state !== "closed") {
      const { done, value } = await reader.read();
      if (done) return;
      stats.bytesDown += value.byteLength;
      for (const { lines, id } of parse(value)) receive(lines, id);
    }
  }
  function openSource(Source) {
    stats.requests++;
    const source = new Source(address(route, "http", "sse"), { withCredentials: options.withCredentials });
    cut = () => source.close();
    source.onopen = opened;
    source.onmessage = ({ data, lastEventId: id }) => {
      stats.bytesDown += utf8Length(data);
      receive(data.split("\n"), id);
    };
    source.onerror = () => {
      if (source.readyState === 2) refused(new TransportError("sse: the stream was refused"));
      else if (state === "opening") end(new TransportError("sse: the server cannot be reached"));
      else if (state === "open") {
        stats.requests++;
        state = "resuming";
        cancelWait = clock.after(RESUME_FOR, end);
      }
    };
  }
  function opened() {
    const before = state;
    if (before === "closed") return;
    cancelWait();
    resumeUntil = 0;
    state = "open";
    if (before === "opening") transport.events.onopen();
    else transport.events.onresume();
  }
  function receive(lines, id) {
    for (const line of lines) {
      if (state === "closed") return;
      const packet = decodeLine(line);
      if (!packet) return end(notAPacket("sse", line));
      if (packet.type === "close") return end(void 0, { reason: packet.data });
      sealed = packet.type === "noop";
      transport.events.onpacket(packet);
    }
    lastEventId = id;
    backoff.reset();
    checkPaused();
  }
  function refused(error) {
    if (state === "opening") end(error);
    else if (error.description instanceof Error) lost();
    else end();
  }
  function lost() {
    if (state === "closed") return;
    if (!lastEventId) return end(state === "opening" ? new TransportError("sse: the stream broke") : void 0);
    state = "resuming";
    resumeUntil || (resumeUntil = clock.now() + RESUME_FOR);
    const wait = backoff.next(RESUME_MIN, RESUME_MAX, RESUME_JITTER, clock.random());
    if (clock.now() + wait > resumeUntil) return end();
    cancelWait = clock.after(wait, () => void fetchStream());
  }
  return transport;
}
function decodeLine(line) {
  return decodeText(line[0] === "B" ? new TextDecoder().decode(decodeBase64(line.slice(1))) : line);
}

// src/engine/transports/websocket.ts
function websocket(route, firstEvents) {
  const { options, stats } = route;
  let socket;
  let writable = false;
  const transport = {
    name: "websocket",
    events: firstEvents,
    get writable() {
      return writable;
    },
    open() {
      const Given = options.transportOptions.websocket?.WebSocket;
      const url = address(route, "ws", "websocket");
      const protocols = [...options.protocols];
      stats.requests++;
      try {
        socket = Given ? new Given(url, protocols, { headers: options.extraHeaders }) : new WebSocket(url, protocols);
      } catch (error) {
        transport.events.onclose(new TransportError("websocket: none can be made here", error));
        return;
      }
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        writable = true;
        transport.events.onopen();
      };
      socket.onmessage = ({ data }) => {
        stats.bytesDown += byteLength(data);
        const packet = typeof data === "string" ? decodeText(data) : { type: "message", data };
        if (packet) transport.events.onpacket(packet);
        else end(notAPacket("websocket", data));
      };
      socket.onclose = (event) => end(void 0, event);
      socket.onerror = (event) => end(new TransportError("websocket: the connection failed", event));
    },
    send(packets) {
      const own = socket;
      writable = false;
      for (const packet of packets) {
        const message = encodeMessage(packet, options.forceBase64);
        stats.bytesUp += byteLength(message);
        own.send(message);
      }
      queueMicrotask(() => {
        if (!socket) return;
        writable = true;
        transport.events.ondrain();
      });
    },
    close() {
      const own = socket;
      socket = void 0;
      writable = false;
      if (!own) return;
      own.onopen = own.onmessage = own.onclose = null;
      own.onerror = () => {
      };
      own.close();
    }
  };
  function end(error, description) {
    transport.close(false);
    transport.events.onclose(error, description);
  }
  return transport;
}
function encodeMessage({ type, data }, base64) {
  return typeof data === "object" && (isBlob(data) || !base64) ? data : encodeText(type, data);
}

// src/engine/upgrade.ts
function upgrade(make, current, clock, patience, events) {
  let state = "probing";
  let cancelTimer = () => {
  };
  const candidate = make({
    onopen: () => candidate.send([{ type: "ping", data: "probe" }]),
    onpacket: receive,
    ondrain: move,
    onresume: () => fail("the stream broke"),
    onclose: (error) => fail("it closed", error)
  });
  function limit() {
    cancelTimer();
    cancelTimer = clock.after(patience, () => fail("no answer in time"));
  }
  function receive({ type, data }) {
    if (state !== "probing") return;
    if (type !== "pong" || data !== "probe") return fail("the probe was refused");
    state = "pausing";
    limit();
    events.onprobed(candidate);
    current.pause(() => {
      state = "moving";
      move();
    });
  }
  function move() {
    if (state !== "moving" || !candidate.writable) return;
    state = "done";
    cancelTimer();
    candidate.send([{ type: "upgrade" }]);
    events.onmoved(candidate);
  }
  function fail(why, error) {
    if (state === "done") return;
    const before = state;
    cancel();
    if (before === "pausing") current.resume();
    events.onfail(error || new TransportError(`${candidate.name}: ${why}`));
  }
  function cancel() {
    if (state === "done") return;
    state = "done";
    cancelTimer();
    candidate.close(false);
  }
  return {
    start() {
      limit();
      candidate.open();
    },
    cancel
  };
}

// src/engine/session.ts
var TOLD = ["slow reader", "rate limit", "memory budget"];
var RANKING = ["websocket", "sse"];
var TRANSPORTS = {
  polling,
  sse,
  websocket
};
var PROBE_ROUND_TRIPS = 10;
var PROBE_MIN = 3e3;
var PROBE_MAX = 8e3;
var CLOSE_WAIT = 5e3;
var DEFAULTS = {
  path: "/socket.io",
  addTrailingSlash: true,
  transports: ["polling", "websocket"],
  upgrade: true,
  rememberUpgrade: false,
  tryAllTransports: false,
  poll: {},
  query: {},
  extraHeaders: {},
  withCredentials: false,
  forceBase64: false,
  timestampParam: "t",
  requestTimeout: 0,
  protocols: [],
  closeOnBeforeunload: false,
  transportOptions: {},
  clock: systemClock
};
var websocketWorked = false;
var Session = class extends Emitter {
  /** Connects to `host` (`name[:port]`), with TLS when `secure`. */
  constructor(host, secure, options = {}) {
    super();
    /** Where the session is in its life. */
    this.readyState = "opening";
    /** What waits to be sent. */
    this.writeBuffer = [];
    this.candidates = [];
    this.upgrading = false;
    this.sending = false;
    this.openedAt = 0;
    this.patience = PROBE_MAX;
    this.expiresAt = Infinity;
    this.interval = 0;
    this.cancelHeartbeat = () => {
    };
    this.cancelClose = () => {
    };
    this.undo = [];
    this.events = {
      onopen: () => {
      },
      onpacket: (packet) => this.receive(packet),
      ondrain: () => this.drained(),
      // A ping may have been lost with the old stream; a pong that nobody asked for does no harm.
      onresume: () => this.push({ type: "pong" }),
      onclose: (error, description) => this.lost(error, description)
    };
    const opts = { ...DEFAULTS };
    for (const [name, value] of Object.entries(options)) {
      if (value !== void 0) Object.assign(opts, { [name]: value });
    }
    opts.path = opts.path.replace(/\/$/, "") + (opts.addTrailingSlash ? "/" : "");
    this.opts = opts;
    this.route = {
      options: opts,
      host,
      secure,
      maxPayload: 0,
      pingTimeout: 0,
      stats: { requests: 0, bytesUp: 0, bytesDown: 0, messagesUp: 0, messagesDown: 0 }
    };
    this.names = [...opts.transports];
    if (opts.rememberUpgrade && websocketWorked && this.names.includes("websocket")) this.names.unshift("websocket");
    this.listenToPage();
    this.openedAt = opts.clock.now();
    queueMicrotask(() => this.connect());
  }
  /** What the session's traffic has cost so far, over all its transports. Live: read it again for newer figures. */
  get stats() {
    return this.route.stats;
  }
  /** Sends a message. Before the session is open it waits; once closing it is dropped. */
  send(data) {
    this.push({ type: "message", data });
    return this;
  }
  /** As `send`. */
  write(data) {
    return this.send(data);
  }
  /** Closes in order: what waits is sent first (for at most 5 s), and an upgrade under way is left to its end. */
  close() {
    if (this.readyState === "opening") this.end("forced close");
    else if (this.readyState === "open") {
      this.readyState = "closing";
      this.cancelClose = this.opts.clock.after(CLOSE_WAIT, () => this.end("forced close"));
      this.closeWhenDone();
    }
    return this;
  }
  /**
   * Whether the server's time for a ping is over. Timers stop while a page sleeps, so the answer may come before the
   * `close` that follows from it.
   */
  hasPingExpired() {
    if (this.opts.clock.now() <= this.expiresAt) return false;
    this.expiresAt = Infinity;
    queueMicrotask(() => this.end("ping timeout"));
    return true;
  }
  connect() {
    const [name] = this.names;
    if (this.readyState !== "opening") return;
    this.cancelHeartbeat();
    if (!name || !TRANSPORTS[name]) return this.lost(new TransportError("no such transport: " + name));
    const transport = this.transport = TRANSPORTS[name](this.route, this.events);
    if (name === "sse" && this.names.length > 1) {
      this.cancelHeartbeat = this.opts.clock.after(PROBE_MAX, () => {
        transport.close(false);
        this.lost(new TransportError("sse: no event in time"));
      });
    }
    transport.open();
  }
  receive(packet) {
    if (this.readyState === "closed") return;
    if (packet.type === "message") this.route.stats.messagesDown++;
    this.fire("packet", packet);
    this.fire("heartbeat");
    switch (packet.type) {
      case "open":
        this.handshake(packet.data);
        break;
      case "ping":
        this.expect();
        this.push({ type: "pong" });
        this.fire("ping");
        this.fire("pong");
        break;
      case "message":
        this.fire("data", packet.data);
        this.fire("message", packet.data);
        break;
    }
  }
  handshake(json) {
    const handshake = this.id === void 0 ? readHandshake(json) : void 0;
    if (!handshake) {
      return this.lost(new TransportError(`${this.transport.name}: the handshake was not understood`, json));
    }
    const { route, opts, transport } = this;
    this.fire("handshake", handshake);
    this.id = route.sid = handshake.sid;
    route.maxPayload = handshake.maxPayload || 0;
    route.pingTimeout = handshake.pingTimeout;
    this.interval = handshake.pingInterval + handshake.pingTimeout;
    this.patience = Math.min(PROBE_MAX, Math.max(PROBE_MIN, PROBE_ROUND_TRIPS * (opts.clock.now() - this.openedAt)));
    this.expect();
    this.readyState = "open";
    websocketWorked = transport.name === "websocket";
    this.fire("open");
    this.flush();
    if (opts.upgrade && transport.pause) {
      this.candidates = RANKING.filter(
        (name) => name !== transport.name && handshake.upgrades.includes(name) && opts.transports.includes(name)
      );
      this.probe();
    }
  }
  // ---- heartbeat
  expect() {
    const { clock } = this.opts;
    this.cancelHeartbeat();
    this.expiresAt = clock.now() + this.interval;
    this.cancelHeartbeat = clock.after(this.interval, () => this.end("ping timeout"));
  }
  // ---- sending
  push(packet) {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    this.fire("packetCreate", packet);
    this.writeBuffer.push(packet);
    this.flush();
  }
  flush() {
    const { transport, writeBuffer, route, readyState } = this;
    if (readyState !== "open" && readyState !== "closing") return;
    if (this.upgrading || !writeBuffer.length || !transport.writable) return;
    const packets = transport.name === "websocket" ? writeBuffer.splice(0) : takePayload(writeBuffer, route.maxPayload);
    for (const packet of packets) if (packet.type === "message") route.stats.messagesUp++;
    this.sending = true;
    transport.send(packets);
    this.fire("flush");
  }
  drained() {
    this.sending = false;
    if (this.writeBuffer.length) this.flush();
    else this.fire("drain");
    this.closeWhenDone();
  }
  closeWhenDone() {
    if (this.readyState !== "closing" || this.sending || this.writeBuffer.length || this.upgrading) return;
    this.end("forced close");
  }
  // ---- moving to a better transport
  probe() {
    const name = this.candidates.shift();
    if (!name || this.readyState !== "open") return;
    const done = () => {
      this.upgrade = void 0;
      this.upgrading = false;
    };
    const candidate = (events) => TRANSPORTS[name](this.route, events);
    this.upgrade = upgrade(candidate, this.transport, this.opts.clock, this.patience, {
      onprobed: (candidate2) => {
        this.upgrading = true;
        this.fire("upgrading", candidate2);
      },
      onmoved: (candidate2) => {
        done();
        this.sending = false;
        websocketWorked = name === "websocket";
        candidate2.events = this.events;
        this.transport = candidate2;
        this.fire("upgrade", candidate2);
        this.flush();
        this.closeWhenDone();
      },
      onfail: (error) => {
        done();
        this.fire("upgradeError", error);
        this.flush();
        this.closeWhenDone();
        this.probe();
      }
    });
    this.upgrade.start();
  }
  // ---- the end
  lost(error, description) {
    if (this.readyState === "closed") return;
    const { names } = this;
    if (this.readyState === "opening") {
      if (names.length > 1 && (names[0] === "sse" || this.opts.tryAllTransports)) {
        names.shift();
        return this.connect();
      }
      error || (error = new TransportError(this.transport.name + ": closed before the handshake", description));
    }
    const { reason } = error || description || {};
    if (TOLD.includes(reason)) return this.end(reason, error || description);
    if (!error) return this.end("transport close", description);
    websocketWorked = false;
    this.fire("error", error);
    this.end("transport error", error);
  }
  end(reason, description) {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.cancelHeartbeat();
    this.cancelClose();
    this.upgrade?.cancel();
    this.upgrade = void 0;
    this.transport?.close(true);
    for (const undo of this.undo) undo();
    this.fire("close", reason, description);
    this.writeBuffer.length = 0;
  }
  listenToPage() {
    if (typeof addEventListener !== "function") return;
    const listen = (event, listener) => {
      addEventListener(event, listener);
      this.undo.push(() => removeEventListener(event, listener));
    };
    if (!/^(localhost|127\.|\[::1])/.test(this.route.host)) {
      listen("offline", () => this.end("transport close", "network connection lost"));
    }
    if (this.opts.closeOnBeforeunload) listen("beforeunload", () => this.end("forced close"));
  }
};
/** The Engine.IO protocol spoken. */
Session.protocol = 4;
function readHandshake(json) {
  let value;
  try {
    value = JSON.parse(json || "");
  } catch {
    return void 0;
  }
  if (!value || typeof value !== "object") return void 0;
  const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = value;
  if (typeof sid !== "string" || typeof pingInterval !== "number" || typeof pingTimeout !== "number") return void 0;
  return {
    sid,
    upgrades: Array.isArray(upgrades) ? upgrades : [],
    pingInterval,
    pingTimeout,
    ...typeof maxPayload === "number" && { maxPayload }
  };
}

// src/url.ts
function readAddress(uri = "") {
  const page = typeof location === "object" ? location : void 0;
  const scheme = page && /^http/.test(page.protocol) ? page.protocol : "https:";
  if (uri.startsWith("//")) uri = scheme + uri;
  else if (!uri || uri.startsWith("/")) uri = `${scheme}//${page?.host || ""}${uri}`;
  else if (!/^(https?|wss?):\/\//.test(uri)) uri = `${scheme}//${uri}`;
  const [, protocol2, host, path, query] = /^(\w+):\/\/(?:[^/?#]*@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(uri);
  if (!host) throw new TypeError(`no host in the address ${JSON.stringify(uri)}`);
  const secure = protocol2 === "https" || protocol2 === "wss";
  return {
    secure,
    host: host.replace(secure ? /:443$/ : /:80$/, ""),
    namespace: path || "/",
    ...query && { query: Object.fromEntries(new URLSearchParams(query)) }
  };
}

// src/socket/packet.ts
var CONNECT = 0;
var DISCONNECT = 1;
var EVENT = 2;
var ACK = 3;
var CONNECT_ERROR = 4;
var BINARY_EVENT = 5;
var BINARY_ACK = 6;
var RESERVED = /* @__PURE__ */ new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener"
]);

// src/socket/parser.ts
var MAX_ATTACHMENTS = 10;
function encode2(packet) {
  const { type, nsp, id, data } = packet;
  const attachments = [];
  let json = "";
  if (data !== void 0) {
    json = JSON.stringify(
      data,
      type === EVENT || type === ACK ? function(key, value) {
        const raw = this[key];
        if (!isBinary(raw)) return value;
        return { _placeholder: true, num: attachments.push(raw) - 1 };
      } : void 0
    );
  }
  const count = attachments.length;
  const head = count ? `${type === EVENT ? BINARY_EVENT : BINARY_ACK}${count}-` : type;
  return [head + (nsp === "/" ? "" : nsp + ",") + (id ?? "") + json, ...attachments];
}
var Decoder = class {
  constructor(maxAttachments = MAX_ATTACHMENTS) {
    this.maxAttachments = maxAttachments;
    this.missing = 0;
    this.attachments = [];
  }
  /**
   * Takes one message; returns the packet that is complete with it.
   *
   * Throws an `Error` that names what is wrong. The connection cannot go on then: where the next packet begins is
   * not known.
   */
  add(message) {
    if (message === void 0) throw new Error("got an empty message");
    if (typeof message === "string") {
      if (this.waiting) throw new Error("got plaintext data when reconstructing a packet");
      const { packet: packet2, attachments: attachments2 } = decodeText2(message, this.maxAttachments);
      if (!attachments2) return packet2;
      this.waiting = packet2;
      this.missing = attachments2;
      return void 0;
    }
    if (!this.waiting) throw new Error("got binary data when not reconstructing a packet");
    this.attachments.push(message);
    if (--this.missing) return void 0;
    const packet = this.waiting;
    const { attachments } = this;
    this.waiting = void 0;
    this.attachments = [];
    fillPlaceholders(packet.data, attachments);
    return packet;
  }
};
function decodeText2(text, maxAttachments) {
  const wireType = Number(text.charAt(0));
  let position = 1;
  let attachments = 0;
  if (!(wireType >= CONNECT && wireType <= BINARY_ACK)) throw new Error("unknown packet type " + wireType);
  if (wireType >= BINARY_EVENT) {
    const dash = text.indexOf("-");
    attachments = dash < 0 ? 0 : Number(text.slice(1, dash));
    if (!Number.isInteger(attachments) || attachments < 1) throw new Error("Illegal attachments");
    if (attachments > maxAttachments) throw new Error("too many attachments");
    position = dash + 1;
  }
  let nsp = "/";
  if (text[position] === "/") {
    const comma = text.indexOf(",", position);
    const end = comma < 0 ? text.length : comma;
    nsp = text.slice(position, end);
    position = end + 1;
  }
  const digits = /^[\d\s]*/.exec(text.slice(position, position + MAX_ID_LENGTH))[0];
  const json = text.slice(position + digits.length);
  let data;
  if (json) {
    try {
      data = JSON.parse(json);
    } catch {
      throw new Error("invalid payload");
    }
    if (!fits(wireType, data)) throw new Error("invalid payload");
  }
  const type = wireType === BINARY_EVENT ? EVENT : wireType === BINARY_ACK ? ACK : wireType;
  const packet = { type, nsp, ...digits && { id: Number(digits) }, ...json && { data } };
  return { packet, attachments };
}
var MAX_ID_LENGTH = 64;
function fits(wireType, data) {
  switch (wireType) {
    case CONNECT:
      return isObject(data);
    case DISCONNECT:
      return false;
    case CONNECT_ERROR:
      return typeof data === "string" || isObject(data);
    case EVENT:
    case BINARY_EVENT: {
      const name = Array.isArray(data) ? data[0] : void 0;
      return typeof name === "number" || typeof name === "string" && !RESERVED.has(name);
    }
    default:
      return Array.isArray(data);
  }
}
function isObject(data) {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}
function fillPlaceholders(data, attachments) {
  const open = [data];
  for (let holder = open.pop(); holder !== void 0; holder = open.pop()) {
    const values = holder;
    for (const key of Object.keys(values)) {
      const value = values[key];
      if (typeof value !== "object" || value === null) continue;
      if (value._placeholder !== true) {
        open.push(value);
        continue;
      }
      const { num } = value;
      if (typeof num !== "number" || num < 0 || num >= attachments.length) throw new Error("illegal attachments");
      values[key] = attachments[num];
    }
  }
}

// src/socket/socket.ts
var Socket = class extends Emitter {
  /** Made by a connection, or by `io()`. */
  constructor(io2, nsp, options = {}) {
    super();
    this.io = io2;
    this.nsp = nsp;
    this.options = options;
    /** Whether the namespace is joined. */
    this.connected = false;
    /** Whether the last connection was taken up where the one before broke off, nothing missed. */
    this.recovered = false;
    /** Whether this socket is connected or tries to be. */
    this.active = false;
    /** Events received before the namespace was joined, delivered then. */
    this.receiveBuffer = [];
    /** Packets emitted while not connected, sent as soon as the namespace is joined. */
    this.sendBuffer = [];
    this.flags = {};
    this.ackId = 0;
    this.acks = /* @__PURE__ */ new Map();
    this.queue = [];
    this.anyListeners = [];
    this.anyOutgoingListeners = [];
    this.auth = options.auth;
    if (io2.autoConnect) this.connect();
  }
  /** Whether the namespace is not joined. */
  get disconnected() {
    return !this.connected;
  }
  /** Joins the namespace, opening the connection when needed. */
  connect() {
    if (!this.connected) {
      this.active = true;
      this.io.open();
      if (this.io.isOpen) this.handleOpen();
    }
    return this;
  }
  /** As `connect`. */
  open() {
    return this.connect();
  }
  /** Leaves the namespace, and does not come back by itself. The connection closes with its last socket. */
  disconnect() {
    const { connected } = this;
    if (connected) this.io.sendPacket({ type: DISCONNECT, nsp: this.nsp });
    this.leave();
    if (connected) this.handleClose("io client disconnect");
    return this;
  }
  /** As `disconnect`. */
  close() {
    return this.disconnect();
  }
  /**
   * Sends an event. A function as the last argument asks for an acknowledgement and is called with what it brings.
   *
   * While not connected the event waits in `sendBuffer`. Throws when the name is reserved, or when the arguments
   * cannot be written as JSON.
   */
  emit(event, ...args) {
    return this.push([event, ...args]);
  }
  /** Sends the event `message`. */
  send(...args) {
    return this.push(["message", ...args]);
  }
  /** As `send`. */
  write(...args) {
    return this.send(...args);
  }
  /**
   * Sends an event and promises what its acknowledgement brings first. The promise fails when the time of
   * `timeout()` or `ackTimeout` is over, and when the socket disconnects before the answer.
   */
  emitWithAck(event, ...args) {
    return new Promise((resolve, reject) => {
      const done = (error, value) => error ? reject(error) : resolve(value);
      this.push([event, ...args, done], true);
    });
  }
  /** The next event's acknowledgement may take `ms` milliseconds; its callback gets an error, or `null`, first. */
  timeout(ms) {
    this.flags.timeout = ms;
    return this;
  }
  /** The next event is dropped when it cannot leave at once; it never waits. */
  get volatile() {
    this.flags.volatile = true;
    return this;
  }
  /** Whether the next event may be compressed. Runtimes decide for themselves; kept for the sake of the name. */
  compress(compress) {
    this.flags.compress = compress;
    return this;
  }
  /**
   * Adds a listener and returns what removes it again. With `signal`, its abort removes it too; a signal that is
   * aborted already adds nothing. `off` does not know a listener that was added here.
   */
  subscribe(event, listener, { signal } = {}) {
    if (signal?.aborted) return () => {
    };
    const own = ((...args) => listener.apply(this, args));
    const undo = () => {
      this.off(event, own);
      signal?.removeEventListener("abort", undo);
    };
    this.on(event, own);
    signal?.addEventListener("abort", undo);
    return undo;
  }
  /** Adds a listener to every event that arrives, called before the event's own. */
  onAny(listener) {
    this.anyListeners = [...this.anyListeners, listener];
    return this;
  }
  /** As `onAny`, in front of those that stand. */
  prependAny(listener) {
    this.anyListeners = [listener, ...this.anyListeners];
    return this;
  }
  /** Removes one listener of `onAny`, or all. */
  offAny(listener) {
    this.anyListeners = without(this.anyListeners, listener);
    return this;
  }
  /** The listeners of `onAny`. */
  listenersAny() {
    return this.anyListeners;
  }
  /** Adds a listener to every event that is sent, called when the event really leaves. */
  onAnyOutgoing(listener) {
    this.anyOutgoingListeners = [...this.anyOutgoingListeners, listener];
    return this;
  }
  /** As `onAnyOutgoing`, in front of those that stand. */
  prependAnyOutgoing(listener) {
    this.anyOutgoingListeners = [listener, ...this.anyOutgoingListeners];
    return this;
  }
  /** Removes one listener of `onAnyOutgoing`, or all. */
  offAnyOutgoing(listener) {
    this.anyOutgoingListeners = without(this.anyOutgoingListeners, listener);
    return this;
  }
  /** The listeners of `onAnyOutgoing`. */
  listenersAnyOutgoing() {
    return this.anyOutgoingListeners;
  }
  // ---- called by the connection
  /** @internal The connection is open: join. */
  handleOpen() {
    const { engine } = this.io;
    if (!this.active || this.connected || this.joining === engine) return;
    this.joining = engine;
    const { auth } = this;
    if (typeof auth !== "function") return this.join(auth);
    auth.call(this, (data) => this.joining === engine && this.io.isOpen && this.join(data));
  }
  /** @internal The connection could not be made, or failed. */
  handleError(error) {
    if (this.active && !this.connected) this.fire("connect_error", error);
  }
  /** @internal The connection is gone. */
  handleClose(reason, description) {
    this.connected = false;
    this.id = void 0;
    this.joining = void 0;
    this.fire("disconnect", reason, description);
    const buffered = new Set(this.sendBuffer.map((packet) => packet.id));
    for (const id of [...this.acks.keys()]) {
      if (!buffered.has(id)) this.settle(id, new Error("socket has been disconnected"));
    }
  }
  /** @internal A packet for this namespace arrived. */
  handlePacket(packet) {
    if (!this.active && packet.type !== CONNECT) {
      if (packet.type === CONNECT_ERROR) this.joining = void 0;
      return;
    }
    switch (packet.type) {
      case CONNECT:
        return this.joined(packet);
      case EVENT:
        return this.receive(packet);
      case ACK:
        if (packet.id !== void 0) this.settle(packet.id, null, packet.data || []);
        return;
      case DISCONNECT:
        this.leave();
        return this.handleClose("io server disconnect");
      case CONNECT_ERROR:
        this.refused(packet);
    }
  }
  // ---- joining and leaving
  join(auth) {
    const { pid, lastOffset } = this;
    const data = pid ? { pid, offset: lastOffset, ...auth } : auth;
    this.io.sendPacket({ type: CONNECT, nsp: this.nsp, ...data && { data } });
  }
  joined({ data }) {
    this.joining = void 0;
    if (!this.active) {
      this.io.sendPacket({ type: DISCONNECT, nsp: this.nsp });
      return;
    }
    if (typeof data?.sid !== "string") {
      this.fire("connect_error", new Error("the server speaks an older protocol, it gave no socket id"));
      return;
    }
    const pid = typeof data.pid === "string" ? data.pid : void 0;
    this.id = data.sid;
    this.recovered = pid !== void 0 && pid === this.pid;
    this.pid = pid;
    this.connected = true;
    this.flushBuffers();
    this.drainQueue();
    if (this.connected) this.fire("connect");
  }
  refused({ data }) {
    this.joining = void 0;
    this.leave();
    const { message, data: details } = typeof data === "string" ? { message: data, data: void 0 } : data || {};
    this.fire("connect_error", Object.assign(new Error(message), { data: details }));
  }
  leave() {
    if (!this.active) return;
    this.active = false;
    this.io.release();
  }
  // What came early is delivered before what was held back is sent; both before the `connect` listeners run.
  flushBuffers() {
    const received = this.receiveBuffer;
    this.receiveBuffer = [];
    for (const args of received) this.deliver(args);
    while (this.connected && this.sendBuffer.length) {
      const packet = this.sendBuffer.shift();
      try {
        this.sendPacket(packet);
      } catch (error) {
        report(error);
      }
    }
  }
  // ---- receiving
  receive({ data = [], id }) {
    const args = id === void 0 ? data : [...data, this.acknowledgement(id)];
    if (this.connected) this.deliver(args);
    else if (this.active) this.receiveBuffer.push(args);
  }
  deliver(args) {
    for (const listener of this.anyListeners) call(listener, this, args);
    this.dispatch(String(args[0]), args.slice(1));
    const last = args[args.length - 1];
    if (this.pid && typeof last === "string") this.lastOffset = last;
  }
  acknowledgement(id) {
    const { engine } = this.io;
    let sent = false;
    return (...data) => {
      if (sent) return;
      sent = true;
      if (this.connected && this.io.engine === engine) this.io.sendPacket({ type: ACK, nsp: this.nsp, id, data });
    };
  }
  // ---- sending
  push(args, errorFirst = false) {
    const { flags, options } = this;
    this.flags = {};
    if (RESERVED.has(args[0])) throw new Error(`"${String(args[0])}" is a reserved event name`);
    if (options.retries && !flags.volatile) this.enqueue(args, flags);
    else this.dispatchOut(args, flags, errorFirst);
    return this;
  }
  dispatchOut(args, flags, errorFirst) {
    const { engine } = this.io;
    let packet = { type: EVENT, nsp: this.nsp, data: args };
    const listener = args[args.length - 1];
    if (typeof listener === "function") {
      const id = this.ackId++;
      packet = { ...packet, id, data: args.slice(0, -1) };
      this.expectAck(id, listener, flags, errorFirst);
    }
    if (flags.volatile && !(this.connected && engine?.transport.writable)) return;
    if (this.connected && !engine?.hasPingExpired()) this.sendPacket(packet);
    else this.sendBuffer.push(packet);
  }
  sendPacket(packet) {
    if (packet.type === EVENT && packet.data) {
      for (const listener of this.anyOutgoingListeners) call(listener, this, packet.data);
    }
    this.io.sendPacket(packet);
  }
  expectAck(id, listener, flags, errorFirst) {
    const ms = flags.timeout ?? this.options.ackTimeout;
    const cancelTimeout = ms === void 0 ? void 0 : this.io.clock.after(ms, () => {
      this.sendBuffer = this.sendBuffer.filter((packet) => packet.id !== id);
      this.settle(id, new Error("operation has timed out"));
    });
    this.acks.set(id, { listener, errorFirst: errorFirst || ms !== void 0, cancelTimeout });
  }
  settle(id, error, args = []) {
    const ack = this.acks.get(id);
    if (!ack) return;
    this.acks.delete(id);
    ack.cancelTimeout?.();
    if (ack.errorFirst) call(ack.listener, this, [error, ...args]);
    else if (!error) call(ack.listener, this, args);
  }
  // ---- sending until acknowledged: one event at a time, in order
  enqueue(args, flags) {
    const last = args[args.length - 1];
    const done = typeof last === "function" ? last : void 0;
    this.queue.push({ args: done ? args.slice(0, -1) : args, flags, done, tries: 0, pending: false });
    this.drainQueue();
  }
  // An attempt ends with its acknowledgement, its time-out or a disconnect, whichever comes first, and only once.
  drainQueue() {
    const [entry] = this.queue;
    if (!this.connected || !entry || entry.pending) return;
    entry.pending = true;
    entry.tries++;
    const answered = (error, ...results) => {
      entry.pending = false;
      if (!error || entry.tries > this.options.retries) {
        this.queue.shift();
        if (entry.done) call(entry.done, this, error ? [error] : [null, ...results]);
      }
      this.drainQueue();
    };
    this.dispatchOut([...entry.args, answered], entry.flags, true);
  }
};
function without(listeners, listener) {
  const index = listener ? listeners.indexOf(listener) : -1;
  if (!listener) return [];
  return index < 0 ? listeners : [...listeners.slice(0, index), ...listeners.slice(index + 1)];
}

// src/socket/connection.ts
var Connection = class extends Emitter {
  /** Connects to `uri` (default: the page's own server). The path of the address does not matter here. */
  constructor(uri, options) {
    super();
    this.sockets = /* @__PURE__ */ new Map();
    this.backoff = new Backoff();
    this.readyState = "closed";
    this.decoder = new Decoder();
    this.reconnecting = false;
    this.cancelTimeout = () => {
    };
    this.cancelReconnect = () => {
    };
    const opts = (typeof uri === "object" ? uri : options) || {};
    this.target = readAddress(typeof uri === "string" ? uri : void 0);
    this.opts = opts;
    this.clock = opts.clock || systemClock;
    this.autoConnect = opts.autoConnect ?? true;
    this.settings = {
      reconnection: opts.reconnection ?? true,
      reconnectionAttempts: opts.reconnectionAttempts || Infinity,
      reconnectionDelay: opts.reconnectionDelay ?? 1e3,
      reconnectionDelayMax: opts.reconnectionDelayMax ?? 5e3,
      randomizationFactor: opts.randomizationFactor ?? 0.5,
      timeout: opts.timeout ?? 2e4
    };
    if (this.autoConnect) this.open();
  }
  /** Whether packets can be sent. */
  get isOpen() {
    return this.readyState === "open";
  }
  /** The socket of a namespace: the same one each time. Options count when it is made. */
  socket(nsp, options) {
    const known = this.sockets.get(nsp);
    if (known) {
      if (this.autoConnect && !known.active) known.connect();
      return known;
    }
    const socket = new Socket(this, nsp, options);
    this.sockets.set(nsp, socket);
    return socket;
  }
  /** Whether a socket of that namespace exists. */
  has(nsp) {
    return this.sockets.has(nsp);
  }
  /**
   * Opens the connection, unless it is open, on its way, or waiting for its next attempt. `done` hears how the attempt
   * that begins here ends, and nothing when none begins.
   */
  open(done) {
    if (this.readyState === "closed" && !this.reconnecting) this.attempt(done);
    return this;
  }
  /** As `open`. */
  connect(done) {
    return this.open(done);
  }
  /** Closes the connection and gives up reconnecting. */
  disconnect() {
    this.stopReconnecting();
    this.closed("forced close", void 0, false);
  }
  /** As `disconnect`. */
  close() {
    this.disconnect();
  }
  reconnection(value) {
    if (value === false) this.stopReconnecting();
    return this.setting("reconnection", value);
  }
  reconnectionAttempts(value) {
    return this.setting("reconnectionAttempts", value);
  }
  reconnectionDelay(value) {
    return this.setting("reconnectionDelay", value);
  }
  reconnectionDelayMax(value) {
    return this.setting("reconnectionDelayMax", value);
  }
  randomizationFactor(value) {
    return this.setting("randomizationFactor", value);
  }
  timeout(value) {
    return this.setting("timeout", value);
  }
  /** @internal Sends a packet now: attachments directly behind their packet. */
  sendPacket(packet) {
    for (const message of encode2(packet)) this.engine?.send(message);
  }
  /** @internal A socket left. */
  release() {
    for (const socket of this.sockets.values()) if (socket.active) return;
    this.disconnect();
  }
  setting(name, value) {
    if (value === void 0) return this.settings[name];
    this.settings[name] = value;
    return this;
  }
  attempt(done) {
    this.readyState = "opening";
    const { host, secure, query } = this.target;
    const engine = new Session(host, secure, { ...query && { query }, ...this.opts });
    this.engine = engine;
    const current = () => this.engine === engine && this.readyState !== "closed";
    const fail = (error) => {
      this.cancelTimeout();
      this.readyState = "closed";
      this.failed(error);
      if (done) call(done, this, [error]);
      else if (this.settings.reconnection && !this.reconnecting && !this.backoff.attempts) this.reconnect();
    };
    engine.on("open", () => {
      if (!current()) return;
      this.opened();
      if (done) call(done, this, []);
    });
    engine.on("error", (error) => {
      if (!current()) return;
      if (this.readyState === "opening") fail(error);
      else this.failed(error);
    });
    engine.on("close", (reason, description) => {
      if (!current()) return;
      if (this.readyState === "opening") fail(new Error(reason));
      else this.closed(reason, description);
    });
    engine.on("ping", () => current() && this.fire("ping"));
    engine.on("message", (data) => current() && this.receive(data));
    const { timeout } = this.settings;
    if (timeout !== false) {
      this.cancelTimeout = this.clock.after(timeout, () => {
        if (!current()) return;
        fail(new Error("timeout"));
        engine.close();
      });
    }
  }
  opened() {
    this.cancelTimeout();
    this.readyState = "open";
    this.decoder = new Decoder(this.opts.maxAttachments ?? MAX_ATTACHMENTS);
    this.fire("open");
    for (const socket of this.sockets.values()) call(() => socket.handleOpen(), socket, []);
  }
  failed(error) {
    this.fire("error", error);
    for (const socket of this.sockets.values()) socket.handleError(error);
  }
  receive(data) {
    let packet;
    try {
      packet = this.decoder.add(data);
    } catch (error) {
      this.closed("parse error", error);
      return;
    }
    if (!packet) return;
    this.fire("packet", packet);
    this.sockets.get(packet.nsp)?.handlePacket(packet);
  }
  closed(reason, description, again = true) {
    if (this.readyState === "closed") return;
    this.cancelTimeout();
    this.readyState = "closed";
    this.engine?.close();
    this.fire("close", reason, description);
    for (const socket of this.sockets.values()) if (socket.active) socket.handleClose(reason, description);
    if (again && this.settings.reconnection && this.readyState === "closed") this.reconnect();
  }
  // The next series begins from its beginning.
  stopReconnecting() {
    this.reconnecting = false;
    this.cancelReconnect();
    this.backoff.reset();
  }
  reconnect() {
    if (this.reconnecting) return;
    const { backoff, clock, settings } = this;
    if (backoff.attempts >= settings.reconnectionAttempts) {
      backoff.reset();
      this.fire("reconnect_failed");
      return;
    }
    this.reconnecting = true;
    const attempt = () => {
      this.cancelReconnect();
      this.fire("reconnect_attempt", backoff.attempts);
      if (!this.reconnecting) return;
      this.attempt((error) => {
        if (!this.reconnecting) return;
        this.reconnecting = false;
        if (error) {
          this.reconnect();
          this.fire("reconnect_error", error);
        } else {
          const { attempts } = backoff;
          backoff.reset();
          this.fire("reconnect", attempts);
        }
      });
    };
    const { reconnectionDelay, reconnectionDelayMax, randomizationFactor } = settings;
    const delay = backoff.next(reconnectionDelay, reconnectionDelayMax, randomizationFactor, clock.random());
    const cancelTimer = clock.after(delay, attempt);
    const stopListening = onOnline(attempt);
    this.cancelReconnect = () => {
      cancelTimer();
      stopListening();
    };
  }
};
function onOnline(listener) {
  if (typeof addEventListener !== "function") return () => {
  };
  addEventListener("online", listener);
  return () => removeEventListener("online", listener);
}

// src/index.ts
var Socket2 = Socket;
var protocol = 5;
var connections = /* @__PURE__ */ new Map();
function io(uri, options) {
  const opts = (typeof uri === "object" ? uri : options) || {};
  const address2 = typeof uri === "string" ? uri : void 0;
  const { secure, host, namespace } = readAddress(address2);
  const key = `${secure} ${host} ${opts.path || ""}`;
  const known = connections.get(key);
  const own = opts.forceNew || opts.multiplex === false || known?.has(namespace);
  const connection = own || !known ? new Connection(address2, opts) : known;
  if (!own) connections.set(key, connection);
  return connection.socket(namespace, opts);
}
export {
  Connection,
  Connection as Manager,
  Session,
  Socket2 as Socket,
  io as connect,
  io as default,
  io,
  protocol
};
//# sourceMappingURL=sockeye-client.mjs.map
