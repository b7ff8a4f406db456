// Polling: packets come as the answers to GETs and leave in POSTs, one of each under way at most.
//
// Long and short polling are one transport with one number, how long the server may hold a GET that has nothing to
// bring. With 0 the client asks again after a pause that grows while nothing comes.
//
// Spec: Engine.IO v4, "HTTP long-polling"; Sockeye transports, "Short polling".

import { pollScheduler } from "../../backoff.js";
import type { Packet } from "../packet.js";
import { decodePayload } from "../payload.js";
import { notAPacket, TransportError, type Route, type Transport, type TransportEvents } from "../transport.js";
import { GOODBYE_FOR, readText, request, upload } from "./http.js";

const MIN_GAP = 250;
const MAX_GAP = 5_000;
/** The longest gap on a page that nobody sees, or that shall save data. */
const MAX_GAP_QUIET = 30_000;

export function polling(route: Route, firstEvents: TransportEvents): Transport {
  const { poll, clock } = route.options;
  const { min = MIN_GAP, max = MAX_GAP } = poll;
  const nextGap = poll.wait === 0 ? pollScheduler(clock.random, min) : undefined;
  let state: "opening" | "open" | "paused" | "closing" | "closed" = "opening";
  let get: AbortController | undefined;
  let cancelGap: (() => void) | undefined;
  let onpaused: (() => void) | undefined;

  const transport: Transport = {
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
      // An answer is likely to follow.
      hurry();
    },

    pause(done) {
      onpaused = done;
      stopGap();
      checkPaused();
    },

    resume() {
      if (!onpaused) return;
      onpaused = undefined;
      if (!get) void ask();
    },

    close(withGoodbye) {
      const before = state;
      stopGap();
      forget();
      state = before === "opening" && get ? "closing" : "closed";
      if (before === "open" && withGoodbye) goodbye();
      // A handshake under way is let through for a while, and its session closed then: nobody else would.
      else if (state === "closing") cancelGap = clock.after(GOODBYE_FOR, () => get?.abort());
    },
  };

  const up = upload(
    route,
    "polling",
    () => {
      if (onpaused) checkPaused();
      else transport.events.ondrain();
    },
    fail,
  );

  // The pending GET is cut only after the goodbye: a server takes a cut poll for a broken connection.
  function goodbye(): void {
    up.close(() => get?.abort());
  }

  function fail(error?: TransportError, description?: unknown): void {
    const before = state;
    state = "closed";
    stopGap();
    forget();
    if (before === "closed" || before === "closing") return;
    up.cancel();
    get?.abort();
    transport.events.onclose(error, description);
  }

  async function ask(): Promise<void> {
    let body: string;
    get = new AbortController();
    try {
      const response = await request(route, "polling", { method: "GET", abort: get, wait: poll.wait });
      body = await readText(route, "polling", response);
    } catch (error) {
      fail(error as TransportError);
      return;
    } finally {
      get = undefined;
    }
    receive(decodePayload(body));
  }

  function receive(packets: (Packet<ArrayBuffer> | null)[]): void {
    const [first] = packets;
    if (state === "closing") {
      stopGap();
      state = "closed";
      if (first?.type === "open" && first.data) {
        route.sid = (JSON.parse(first.data) as { sid: string }).sid;
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
      if (packet.type === "close") return fail(undefined, { reason: packet.data });
      full ||= packet.type !== "noop";
      transport.events.onpacket(packet);
    }
    if (state === "opening") fail(new TransportError("polling: the server sent no handshake", packets));
    else if (onpaused) checkPaused();
    else if (state === "open") schedule(full);
  }

  function schedule(full: boolean): void {
    stopGap();
    if (!nextGap) {
      void ask();
      return;
    }
    // A ping waits for the next poll, and its pong must be back within the server's patience.
    const limit = route.pingTimeout ? route.pingTimeout / 2 : Infinity;
    const gap = nextGap(full, isQuiet() ? Math.max(max, MAX_GAP_QUIET) : max, limit);
    cancelGap = clock.after(gap, () => {
      cancelGap = undefined;
      void ask();
    });
  }

  // A gap that had grown is cut short: something was sent, or the page is looked at again.
  function hurry(): void {
    if (state === "open" && cancelGap) schedule(true);
  }

  function stopGap(): void {
    cancelGap?.();
    cancelGap = undefined;
  }

  function forget(): void {
    if (nextGap && typeof document === "object") document.removeEventListener("visibilitychange", hurry);
  }

  function checkPaused(): void {
    const done = onpaused;
    if (!done || get || up.busy) return;
    onpaused = undefined;
    state = "paused";
    forget();
    done();
  }

  return transport;
}

function isQuiet(): boolean {
  return (
    (typeof document === "object" && document.visibilityState === "hidden") ||
    (typeof navigator === "object" &&
      (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true)
  );
}
