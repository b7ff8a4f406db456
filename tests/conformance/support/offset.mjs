// Offsets of connection state recovery, which application D puts behind the arguments of its events.

import assert from "node:assert/strict";

/** Whether the events of `server` have offsets. */
export const recovers = (server) => server.application === "D";

/** A packet as it would be without its offset, which an event must have that asks for no acknowledgement. */
export function withoutOffset(packet) {
  const [, event] = (typeof packet === "string" && packet.match(/^4(?:2|5\d+-)(?:\/[^,]*,)?(\[.*)$/s)) || [];
  if (event === undefined) return packet;
  const [head, offset] = packet.split(/,(?="[^"]*"\]$)/);
  assert.ok(offset, `${packet} has no offset`);
  return `${head}]`;
}

/** The arguments that a listener heard, without their offset. */
export function withoutLast(args) {
  assert.equal(typeof args.at(-1), "string", `${args} have no offset`);
  return args.slice(0, -1);
}
