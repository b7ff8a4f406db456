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

import type { Clock } from "../backoff.js";
import type { Packet } from "./packet.js";
import { TransportError, type Transport, type TransportEvents } from "./transport.js";

/** What an upgrade asks of its session. */
export interface UpgradeEvents {
  /** The candidate answered: nothing may be sent on the old transport until the end. */
  onprobed(candidate: Transport): void;
  /** The old transport is silent, and the candidate has said so to the server. */
  onmoved(candidate: Transport): void;
  /** The old transport goes on. */
  onfail(error: TransportError): void;
}

/** One attempt to move. */
export interface Upgrade {
  /** Begins; may fail before it returns. */
  start(): void;
  /** Gives up, without a word to the session. */
  cancel(): void;
}

/**
 * An attempt to move from `current` to the candidate that `make` makes.
 *
 * `patience` is in milliseconds, for the probe, and once more for the old transport to fall silent.
 */
export function upgrade(
  make: (events: TransportEvents) => Transport,
  current: Transport,
  clock: Clock,
  patience: number,
  events: UpgradeEvents,
): Upgrade {
  let state: "probing" | "pausing" | "moving" | "done" = "probing";
  let cancelTimer = () => {};

  const candidate = make({
    onopen: () => candidate.send([{ type: "ping", data: "probe" }]),
    onpacket: receive,
    ondrain: move,
    onresume: () => fail("the stream broke"),
    onclose: (error) => fail("it closed", error),
  });

  function limit(): void {
    cancelTimer();
    cancelTimer = clock.after(patience, () => fail("no answer in time"));
  }

  function receive({ type, data }: Packet<ArrayBuffer>): void {
    if (state !== "probing") return;
    if (type !== "pong" || data !== "probe") return fail("the probe was refused");
    state = "pausing";
    limit();
    events.onprobed(candidate);
    current.pause!(() => {
      state = "moving";
      move();
    });
  }

  function move(): void {
    // A candidate that posts may still be busy with its probe.
    if (state !== "moving" || !candidate.writable) return;
    state = "done";
    cancelTimer();
    candidate.send([{ type: "upgrade" }]);
    events.onmoved(candidate);
  }

  function fail(why: string, error?: TransportError): void {
    if (state === "done") return;
    const before = state;
    cancel();
    if (before === "pausing") current.resume!();
    events.onfail(error || new TransportError(`${candidate.name}: ${why}`));
  }

  function cancel(): void {
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
    cancel,
  };
}
