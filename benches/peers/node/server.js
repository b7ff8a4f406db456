// Application C of spec/conformance.md on the original server.
//
// node server.js --listen 127.0.0.1:0      prints `listening on http://ADDRESS` when it takes connections
//
// PING_INTERVAL, PING_TIMEOUT and CONNECT_TIMEOUT (milliseconds) in the environment override the defaults;
// PER_MESSAGE_DEFLATE (bytes) has messages of WebSockets compressed from that size on, and PARSER=msgpack packets written as
// MessagePack.

import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

const { values } = parseArgs({
  options: { listen: { type: "string", default: "127.0.0.1:3000" } },
});
const split = values.listen.lastIndexOf(":");
const host = values.listen.slice(0, split);
const port = Number(values.listen.slice(split + 1));
if (split < 1 || !Number.isInteger(port)) {
  console.error(`--listen wants ADDRESS:PORT, got ${values.listen}`);
  process.exit(2);
}

const milliseconds = (name, otherwise) => Number(process.env[name] ?? otherwise);
const threshold = process.env.PER_MESSAGE_DEFLATE;
const http = createServer();
const io = new Server(http, {
  pingInterval: milliseconds("PING_INTERVAL", 25_000),
  pingTimeout: milliseconds("PING_TIMEOUT", 20_000),
  connectTimeout: milliseconds("CONNECT_TIMEOUT", 45_000),
  maxHttpBufferSize: 1_000_000,
  perMessageDeflate: threshold === undefined ? false : { threshold: Number(threshold) },
  allowEIO3: true,
  ...(process.env.PARSER === "msgpack" && { parser: msgpack }),
  serveClient: false,
});

// Why sockets left, by their id; the newest last. A test asks for the ones it knows.
const reasons = new Map();
const MAX_REASONS = 1_000;

const connected = (namespace) => (socket) => {
  socket.emit("auth", socket.handshake.auth);

  socket.on("echo", (...args) => {
    const ack = args.pop();
    if (typeof ack === "function") ack(...args);
  });
  socket.on("broadcast", (data) => namespace.emit("broadcast", data));
  socket.on("join", (room, ack) => {
    socket.join(room);
    if (typeof ack === "function") ack();
  });
  socket.on("room", (room, data) => namespace.to(room).emit("room", data));

  socket.on("ask", (...args) => {
    socket.timeout(1_000).emit("ask", ...args, (error, ...answer) => {
      if (error) socket.emit("unanswered");
      else socket.emit("answered", ...answer);
    });
  });
  socket.on("kick", (close) => socket.disconnect(close === true));
  socket.on("reason", (id, ack) => {
    if (typeof ack === "function") ack(reasons.get(id) ?? null);
  });
  socket.on("disconnect", (reason) => {
    reasons.set(socket.id, reason);
    if (reasons.size > MAX_REASONS) reasons.delete(reasons.keys().next().value);
  });
};

io.on("connection", connected(io));
const custom = io.of("/custom");
custom.on("connection", connected(custom));
const dynamic = io.of(/^\/dyn\/\w+$/);
dynamic.on("connection", (socket) => connected(socket.nsp)(socket));

http.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
http.listen({ host, port, backlog: 4_096 }, () => {
  const address = http.address();
  console.log(`listening on http://${address.address}:${address.port}`);
});
