// The entry of the script for pages: a global `io`, or `module.exports` where there is one.

import { Connection, io, protocol, Socket } from "./index.js";

declare const module: { exports: unknown } | undefined;

const front = Object.assign(io, { io, connect: io, Connection, Manager: Connection, Socket, protocol });

if (typeof module === "object" && module.exports) module.exports = front;
else (globalThis as { io?: typeof front }).io = front;
