// Applications A to D of spec/conformance.md, and the plain WebSocket echo, on the original packages.
//
// node reference.mjs <A|B|C|D|echo> --listen ADDRESS:PORT
//
// PING_INTERVAL, PING_TIMEOUT, CONNECT_TIMEOUT (milliseconds) and PORT in the environment override what the page
// says.

import { createServer } from "node:http";
import { Server as EngineServer } from "engine.io";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";

const [application, option, listen] = process.argv.slice(2);
const split = listen?.lastIndexOf(":") ?? -1;
if (option !== "--listen" || split < 1) {
  console.error("usage: node reference.mjs <A|B|C|D|echo> --listen ADDRESS:PORT");
  process.exit(2);
}

const http = createServer((_, response) => response.writeHead(404).end());

/** Options of the page, and over them those of the environment. */
function options(section) {
  const names = { pingInterval: "PING_INTERVAL", pingTimeout: "PING_TIMEOUT", connectTimeout: "CONNECT_TIMEOUT" };
  const overrides = Object.entries(names).filter(([, name]) => process.env[name]);
  return { ...section, ...Object.fromEntries(overrides.map(([key, name]) => [key, Number(process.env[name])])) };
}

const applications = {
  A() {
    const engine = new EngineServer(options({ pingInterval: 300, pingTimeout: 200, maxHttpBufferSize: 1e6, cors: { origin: "*" } }));
    engine.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    engine.attach(http, { path: "/engine.io/" });
  },

  B() {
    const io = new Server(http, options({
      pingInterval: 300,
      pingTimeout: 200,
      maxHttpBufferSize: 1e6,
      connectTimeout: 1_000,
      cors: { origin: "*" },
    }));
    io.on("connection", (socket) => {
      socket.emit("auth", socket.handshake.auth);
      socket.on("message", (...args) => socket.emit("message-back", ...args));
      socket.on("message-with-ack", (...args) => args.pop()(...args));
    });
    io.of("/custom").on("connection", (socket) => socket.emit("auth", socket.handshake.auth));
  },

  C() {
    const io = new Server(http, options({ maxHttpBufferSize: 1e6, allowEIO3: true }));
    const MAX_REASONS = 1_000;
    const reasons = new Map();
    const answer = (ack, ...args) => { if (typeof ack === "function") ack(...args); };
    const serve = (socket) => {
      const namespace = socket.nsp;
      socket.emit("auth", socket.handshake.auth);
      socket.on("echo", (...args) => answer(args.pop(), ...args));
      socket.on("broadcast", (data) => namespace.emit("broadcast", data));
      socket.on("join", (room, ack) => { socket.join(room); answer(ack); });
      socket.on("room", (room, data) => namespace.to(room).emit("room", data));
      socket.on("ask", (...args) => {
        socket.timeout(1_000).emit("ask", ...args, (error, ...reply) => {
          if (error) socket.emit("unanswered");
          else socket.emit("answered", ...reply);
        });
      });
      socket.on("kick", (close) => socket.disconnect(close === true));
      socket.on("reason", (id, ack) => answer(ack, reasons.get(id) ?? null));
      socket.on("disconnect", (reason) => {
        reasons.set(socket.id, reason);
        if (reasons.size > MAX_REASONS) reasons.delete(reasons.keys().next().value);
      });
    };
    io.on("connection", serve);
    io.of("/custom").on("connection", serve);
    io.of(/^\/dyn\/\w+$/).on("connection", serve);
  },

  D() {
    const io = new Server(http, options({
      pingInterval: 2_000,
      connectionStateRecovery: {},
      allowRequest: (_, let_in) => setTimeout(() => let_in(null, true), 10),
    }));
    const isoDate = "2026-01-01T00:00:00.000Z";
    const bytes = () => Buffer.from("asdfasdf");
    const isGreeting = (data) => data?.hello === "lol" && Buffer.isBuffer(data.message) && data.goodbye === "gotcha";

    io.use((socket, next) => next(socket.handshake.query.fail ? new Error("Auth failed (main namespace)") : undefined));
    io.on("connection", (socket) => {
      const seen = {};
      socket.on("hi", () => socket.emit("hi"));
      socket.on("echo", (arg, ack) => ack(arg));
      socket.on("ack", () => {
        socket.emit("ack", (a, b) => { if (a === 5 && b?.test) socket.emit("got it"); });
      });
      socket.on("getAckDate", (_, ack) => ack(isoDate));
      socket.on("getDate", () => socket.emit("takeDate", isoDate));
      socket.on("getDateObj", () => socket.emit("takeDateObj", { date: isoDate }));
      socket.on("getUtf8", () => {
        for (const text of ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"]) socket.emit("takeUtf8", text);
      });
      socket.on("false", () => socket.emit("false", false));
      socket.on("doge", () => socket.emit("doge", bytes()));
      socket.on("getbin", () => socket.emit("takebin", bytes()));
      socket.on("buffa", (data) => { if (Buffer.isBuffer(data)) socket.emit("buffack"); });
      socket.on("jsonbuff", (data) => { if (isGreeting(data)) socket.emit("jsonbuff-ack"); });
      socket.on("abuff1", (data) => { seen.abuff1 = Buffer.isBuffer(data); });
      socket.on("abuff2", (data) => { if (seen.abuff1 && typeof data === "string") socket.emit("abuff2-ack"); });
      socket.on("blob", (data) => { if (Buffer.isBuffer(data)) socket.emit("back"); });
      socket.on("jsonblob", (data) => { if (isGreeting(data)) socket.emit("jsonblob-ack"); });
      socket.on("blob1", (data) => { seen.blob1 = Buffer.isBuffer(data); });
      socket.on("blob2", (data) => { seen.blob2 = seen.blob1 && data === "second"; });
      socket.on("blob3", (data) => { if (seen.blob2 && Buffer.isBuffer(data)) socket.emit("blob3-ack"); });
      socket.on("getHandshake", (ack) => ack(socket.handshake));
      socket.on("getId", (ack) => ack(socket.id));
    });
    io.of("/foo").on("connection", (socket) => socket.on("getId", (ack) => ack(socket.id)));
    io.of("/abc").on("connection", (socket) => socket.emit("handshake", socket.handshake));
    for (const name of ["/timeout_socket", "/valid", "/asd"]) io.of(name);
    io.of("/no").use((_, next) => next(new Error("Auth failed (custom namespace)")));
  },

  echo() {
    new WebSocketServer({ server: http, maxPayload: 64 << 20, perMessageDeflate: false }).on("connection", (socket) => {
      socket.on("message", (data, binary) => socket.send(data, { binary }));
    });
  },
};

const serve = applications[application];
if (!serve) {
  console.error(`no application ${application}, there are: ${Object.keys(applications).join(", ")}`);
  process.exit(2);
}
serve();
http.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
http.listen({ host: listen.slice(0, split), port: Number(process.env.PORT ?? listen.slice(split + 1)), backlog: 4_096 }, () => {
  const { address, port } = http.address();
  console.log(`application ${application} listens on http://${address}:${port}`);
});
