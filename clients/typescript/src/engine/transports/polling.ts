// Polling: packets come as the answers to GETs and leave in POSTs, one of each under way at most.
//
// Long and short polling are one transport with one number, how long the server may hold a GET that has nothing to
// bring. With 0 the client asks again after a pause that grows while nothing comes.
//
// Spec: Engine.IO v4, "HTTP long-polling"; Sockeye transports, "Short polling".

import { PollScheduler } from "../../backoff.js";
import type { Packet } from "../packet.js";
import { decodePayload } from "../payload.js";
import { notAPacket, TransportError, type Route, type Transport, type TransportEvents } from "../transport.js";
import { readText, request, Upload } from "./http.js";

const MIN_GAP = 250;
const MAX_GAP = 5_000;
/** The longest gap on a page that nobody sees, or that shall save data. */
const MAX_GAP_QUIET = 30_000;

type State = "opening" | "open" | "paused" | "closing" | "closed";

export class Polling implements Transport {
  readonly name = "polling";
  private state: State = "opening";
  private upload: Upload;
  private scheduler: PollScheduler | undefined;
  private get?: AbortController | undefined;
  private cancelGap?: (() => void) | undefined;
  private onpaused?: (() => void) | undefined;

  constructor(
    private readonly route: Route,
    public events: TransportEvents,
  ) {
    const { poll, clock } = route.options;
    if (poll.wait === 0) {
      const max = poll.max ?? MAX_GAP;
      this.scheduler = new PollScheduler(clock.random, {
        min: poll.min ?? MIN_GAP,
        get max() {
          return isQuiet() ? Math.max(max, MAX_GAP_QUIET) : max;
        },
      });
    }
    this.upload = new Upload(
      route,
      "polling",
      () => {
        if (this.onpaused) this.checkPaused();
        else this.events.ondrain();
      },
      (error) => this.fail(error),
    );
  }

  get writable(): boolean {
    return this.state === "open" && !this.upload.busy;
  }

  open(): void {
    void this.poll();
  }

  send(packets: Packet[]): void {
    this.upload.send(packets);
    // An answer is likely to follow: a gap that had grown is cut short.
    if (this.cancelGap) this.schedule(true);
  }

  pause(done: () => void): void {
    this.onpaused = done;
    this.stopGap();
    this.checkPaused();
  }

  resume(): void {
    if (!this.onpaused) return;
    this.onpaused = undefined;
    if (!this.get) void this.poll();
  }

  close(): void {
    const { state } = this;
    this.stopGap();
    // A handshake under way is let through, and its session closed then: nobody else would.
    this.state = state === "opening" && this.get ? "closing" : "closed";
    if (state === "open") this.goodbye();
  }

  // The pending GET is cut only after the goodbye: a server takes a cut poll for a broken connection.
  private goodbye(): void {
    this.upload.close(() => this.get?.abort());
  }

  private fail(error?: TransportError): void {
    if (this.state === "closed" || this.state === "closing") return;
    this.state = "closed";
    this.stopGap();
    this.upload.cancel();
    this.get?.abort();
    this.events.onclose(error);
  }

  private async poll(): Promise<void> {
    const { route } = this;
    const abort = (this.get = new AbortController());
    let body: string;
    try {
      const { wait } = route.options.poll;
      const response = await request(route, "polling", { method: "GET", abort, wait });
      body = await readText(route, "polling", response);
    } catch (error) {
      this.fail(error as TransportError);
      return;
    } finally {
      this.get = undefined;
    }
    this.receive(decodePayload(body));
  }

  private receive(packets: (Packet<ArrayBuffer> | null)[]): void {
    const [first] = packets;
    if (this.state === "closing") {
      this.state = "closed";
      if (first?.type === "open" && first.data) {
        this.route.sid = (JSON.parse(first.data) as { sid: string }).sid;
        this.goodbye();
      }
      return;
    }
    if (this.state === "opening" && first?.type === "open") {
      this.state = "open";
      this.events.onopen();
    }
    let full = false;
    for (const packet of packets) {
      if (this.state !== "open") break;
      if (!packet) return this.fail(notAPacket(this.name, packets));
      if (packet.type === "close") return this.fail();
      full ||= packet.type !== "noop";
      this.events.onpacket(packet);
    }
    if (this.state === "opening") this.fail(new TransportError("polling: the server sent no handshake", packets));
    else if (this.onpaused) this.checkPaused();
    else if (this.state === "open") this.schedule(full);
  }

  private schedule(full: boolean): void {
    this.stopGap();
    const { scheduler, route } = this;
    if (!scheduler) {
      void this.poll();
      return;
    }
    // A ping waits for the next poll, and its pong must be back within the server's patience.
    const gap = scheduler.next(full, route.pingTimeout ? route.pingTimeout / 2 : Infinity);
    this.cancelGap = route.options.clock.after(gap, () => {
      this.cancelGap = undefined;
      void this.poll();
    });
  }

  private stopGap(): void {
    this.cancelGap?.();
    this.cancelGap = undefined;
  }

  private checkPaused(): void {
    const { onpaused } = this;
    if (!onpaused || this.get || this.upload.busy) return;
    this.onpaused = undefined;
    this.state = "paused";
    onpaused();
  }
}

function isQuiet(): boolean {
  return (
    (typeof document === "object" && document.visibilityState === "hidden") ||
    (typeof navigator === "object" &&
      (navigator as { connection?: { saveData?: boolean } }).connection?.saveData === true)
  );
}
