// What the types promise. Nothing here runs: `npm run check` fails where a line is wrong, or where a line that
// must be wrong is not (`@ts-expect-error`).

import { connect, io, Manager, Socket, type Options } from "../src/index.js";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function is<Expected>(): <Actual>(value: Actual, ...same: Equal<Actual, Expected> extends true ? [] : [never]) => void {
  return () => {};
}

interface ServerEvents {
  message: (from: string, text: string) => void;
  ask: (question: string, answer: (yes: boolean) => void) => void;
}

interface ClientEvents {
  say: (text: string) => void;
  save: (note: string, done: (id: number) => void) => void;
  ping: (done: () => void) => void;
  fail: (done: (error: Error | null, id: number) => void) => void;
}

const untyped = io();
const typed = io<ServerEvents, ClientEvents>("https://example.org/chat", { auth: { token: "t" } });

// Untyped: any name; arguments are unknown until the listener says what it expects.
untyped.on("anything", (first, second) => {
  is<unknown>()(first);
  is<unknown>()(second);
});
untyped.on("message", (from: string, count: number) => [from, count]);
untyped.emit("anything", 1, "two", { three: 3 }, new Uint8Array(1));
untyped.emit("ask", 1, (answer: string) => answer);
untyped.timeout(1_000).emit("ask", 1, (error: Error | null, answer: string) => [error, answer]);
is<Promise<unknown>>()(untyped.emitWithAck("ask", 1));
is<Promise<unknown>>()(untyped.timeout(5).emitWithAck("ask", 1));
untyped.onAny((event, ...args) => {
  is<string>()(event);
  is<unknown[]>()(args);
});

// Reserved events have their own types, everywhere.
untyped.on("connect", () => {});
typed.on("connect", () => {});
// @ts-expect-error `is` does find a type that is another
is<number>()("text");
typed.on("connect_error", (error) => {
  is<string>()(error.message);
  is<unknown>()(error.data);
});
typed.on("disconnect", (reason, description) => {
  const known:
    | "io server disconnect"
    | "io client disconnect"
    | "ping timeout"
    | "transport close"
    | "transport error"
    | "parse error"
    | "slow reader"
    | "rate limit"
    | "memory budget"
    | "forced close" = reason;
  is<unknown>()(description);
  return known;
});

// Typed: names and arguments are checked, in both directions.
typed.on("message", (from, text) => {
  is<string>()(from);
  is<string>()(text);
});
typed.on("ask", (question, answer) => {
  is<string>()(question);
  answer(true);
  // @ts-expect-error the acknowledgement takes a boolean
  answer("yes");
});
typed.once("message", () => {});
typed.off("message");
// @ts-expect-error no such event comes from the server
typed.on("say", () => {});
// @ts-expect-error the second argument is a string
typed.on("message", (from: string, text: number) => [from, text]);
typed.emit("say", "hello").emit("save", "note", (id) => is<number>()(id));
// @ts-expect-error no such event goes to the server
typed.emit("message", "a", "b");
// @ts-expect-error an argument is missing
typed.emit("say");
// @ts-expect-error an argument is wrong
typed.emit("say", 1);
typed.volatile.emit("say", "hello");
typed.compress(false).emit("say", "hello");

// Acknowledgements: the value by promise, the error in front after timeout().
is<Promise<number>>()(typed.emitWithAck("save", "note"));
is<Promise<number>>()(typed.timeout(5_000).emitWithAck("save", "note"));
is<Promise<void>>()(typed.emitWithAck("ping"));
is<Promise<number>>()(typed.emitWithAck("fail"));
// @ts-expect-error the argument is missing
void typed.emitWithAck("save");
typed.timeout(5_000).emit("save", "note", (error, id) => {
  is<Error | null>()(error);
  is<number>()(id);
});
typed.timeout(5_000).on("message", (from) => is<string>()(from));

// subscribe returns its undo.
const stop = typed.subscribe("message", (from) => is<string>()(from), { signal: new AbortController().signal });
is<() => void>()(stop);
typed.subscribe("connect", () => {});
// @ts-expect-error no such event comes from the server
typed.subscribe("say", () => {});

// One map serves both directions.
const both = io<ServerEvents>("https://example.org");
both.emit("message", "a", "b");

// The parts that applications look at.
is<"polling" | "sse" | "websocket" | undefined>()(typed.io.engine?.transport.name);
is<number | undefined>()(typed.io.engine?.stats.bytesUp);
// @ts-expect-error the counters can be read, not written
untyped.io.engine!.stats.requests = 0;
typed.io.on("reconnect_attempt", (attempt) => is<number>()(attempt));
typed.io.engine?.on("upgrade", (transport) => is<"polling" | "sse" | "websocket">()(transport.name));
is<string | undefined>()(typed.id);

// Names and options as everywhere.
const manager = new Manager("https://example.org", { reconnectionDelayMax: 10_000 });
const admin: Socket<ServerEvents, ClientEvents> = manager.socket<ServerEvents, ClientEvents>("/admin", {
  auth: (send) => send({ token: "t" }),
});
admin.emit("say", "hello");
is<boolean>()(admin instanceof Socket);
connect({ transports: ["sse", "websocket"], poll: { wait: 0, min: 100 } });
// @ts-expect-error no such transport
io({ transports: ["carrier pigeon"] });
// @ts-expect-error no such option
io({ reconect: true });
export const options: Partial<Options> = { transportOptions: { websocket: { WebSocket } } };
