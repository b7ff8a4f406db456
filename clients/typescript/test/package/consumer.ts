// A program that uses the built package, by its declarations in dist/types. Checked, never run.

import io, { connect, Manager, Socket, type Options, type Stats, type TransportName } from "sockeye-client";

interface ServerEvents {
  message: (from: string, text: string) => void;
}

const options: Partial<Options> = { transports: ["sse", "websocket"], auth: { token: "t" } };
const socket: Socket<ServerEvents> = io<ServerEvents>("https://example.org/chat", options);
socket.on("message", (from, text) => `${from}: ${text}`);
const name: TransportName | undefined = socket.io.engine?.transport.name;
const stats: Readonly<Stats> | undefined = socket.io.engine?.stats;
socket.io.on("reconnect", (attempt) => attempt.toFixed());
new Manager("https://example.org").socket("/admin").emit("anything", 1);
// @ts-expect-error what the connection calls is not for applications
socket.handleOpen();
// @ts-expect-error nor is what the socket calls
socket.io.sendPacket({ type: 1, nsp: "/" });
export { connect, name, stats };
