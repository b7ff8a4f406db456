// The move from one transport to a better one.
//
//   client -- 2probe --> server      ping on the new transport
//   client <-- 3probe -- server      pong; the old transport falls silent (a `6` ends what it had to say)
//   client ---- 5 -----> server      from here the new transport carries everything
//
// Nothing here can hang: a candidate that does not get as far as `5` in time is dropped, and the old transport goes
// on as if nothing had been tried.
//
// Spec: Engine.IO v4, "Upgrade"; Sockeye transports, 1.5.

import type { Packet } from "./packet.js";
import { TransportError, type Route, type Transport, type TransportEvents } from "./transport.js";

/** What an upgrade asks of its session. */
export interface UpgradeEvents {
  /** The candidate answered: nothing may be sent on the old transport until the end. */
  onprobed(candidate: Transport): void;
  /** The old transport is silent, and the candidate has said so to the server. */
  onmoved(candidate: Transport): void;
  /** The old transport goes on. */
  onfail(error: TransportError): void;
}

/** One attempt to move from `current` to a candidate. */
export class Upgrade {
  private readonly candidate: Transport;
  private state: "probing" | "pausing" | "moving" | "done" = "probing";
  private cancelTimer: () => void = () => {};

  /** `patience` is in milliseconds, for the probe, and once more for the old transport to fall silent. */
  constructor(
    make: (events: TransportEvents) => Transport,
    private readonly current: Transport,
    private readonly route: Route,
    private readonly patience: number,
    private readonly events: UpgradeEvents,
  ) {
    this.candidate = make({
      onopen: () => this.candidate.send([{ type: "ping", data: "probe" }]),
      onpacket: (packet) => this.receive(packet),
      ondrain: () => this.move(),
      onresume: () => this.fail("the stream broke"),
      onclose: (error) => this.fail("it closed", error),
    });
  }

  /** Begins; may fail before it returns. */
  start(): void {
    this.limit();
    this.candidate.open();
  }

  /** Gives up, without a word to the session. */
  cancel(): void {
    if (this.state === "done") return;
    this.state = "done";
    this.cancelTimer();
    this.candidate.close();
  }

  private limit(): void {
    this.cancelTimer();
    this.cancelTimer = this.route.options.clock.after(this.patience, () => this.fail("no answer in time"));
  }

  private receive(packet: Packet<ArrayBuffer>): void {
    if (this.state !== "probing") return;
    if (packet.type !== "pong" || packet.data !== "probe") return this.fail("the probe was refused");
    this.state = "pausing";
    this.limit();
    this.events.onprobed(this.candidate);
    this.current.pause!(() => {
      this.state = "moving";
      this.move();
    });
  }

  private move(): void {
    // A candidate that posts may still be busy with its probe.
    if (this.state !== "moving" || !this.candidate.writable) return;
    this.state = "done";
    this.cancelTimer();
    this.candidate.send([{ type: "upgrade" }]);
    this.events.onmoved(this.candidate);
  }

  private fail(why: string, error?: TransportError): void {
    if (this.state === "done") return;
    const { current, candidate, state } = this;
    this.cancel();
    if (state === "pausing") current.resume!();
    this.events.onfail(error || new TransportError(`${candidate.name}: ${why}`));
  }
}
