// How packets are written: what the canary must know to be understood by a server of either parser.

import { encode } from "./msgpack.mjs";

const has = (message, word) => (Buffer.isBuffer(message) ? message.includes(word) : message.includes(word));

/** `connect`, an `echo` that asks for an acknowledgement, and whether a message is the answer to CONNECT or has a word in it. */
export const FORMATS = {
  text: {
    connect: "40",
    isConnected: (message) => typeof message === "string" && message.startsWith("40"),
    echo: (word, id) => `42${id}["echo","${word}"]`,
    has,
  },
  msgpack: {
    connect: encode({ type: 0, nsp: "/" }),
    isConnected: (message) => Buffer.isBuffer(message) && has(message, "sid"),
    echo: (word, id) => encode({ type: 2, nsp: "/", id, data: ["echo", word] }),
    has,
  },
};

/** An application that has no `echo`, but acknowledges a `ping`. */
FORMATS.switchboard = { ...FORMATS.text, echo: (_word, id) => `42${id}["ping"]`, has: (message) => typeof message === "string" && message.startsWith("43") };

/** A message as a polling payload carries it. */
export const payload = (message) => (Buffer.isBuffer(message) ? `b${message.toString("base64")}` : message);

/** And back. */
export const message = (packet) => (packet.startsWith("b") ? Buffer.from(packet.slice(1), "base64") : packet);
