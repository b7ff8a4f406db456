// A TCP relay in front of the server, to cut connections as networks do: without a goodbye, at any byte.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Ends a connection at once; as a reset where it can be one, which it cannot while its end is being said. */
function sever(socket) {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A relay to `url`, which takes new connections whatever became of those before. */
export async function relay(url) {
  const { hostname, port } = new URL(url);
  const pairs = new Set();
  /** How much more the server may say, and what happens then. */
  let left = Infinity;
  let spent = () => {};

  const cutBoth = () => {
    const were = pairs.size;
    for (const { near, far } of pairs) {
      sever(near);
      sever(far);
    }
    pairs.clear();
    return were > 0;
  };
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    const pair = { near, far };
    pairs.add(pair);
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      // The client is gone; the server does not know yet.
      if (near.destroyed) return;
      near.write(bytes.subarray(0, Math.min(left, bytes.length)), () => left === 0 && spent());
      left = Math.max(0, left - bytes.length);
    });
    near.on("end", () => far.end());
    far.on("end", () => near.end());
    near.on("error", () => {});
    far.on("error", () => {});
    near.on("close", () => {
      pairs.delete(pair);
      if (!pair.lingers) far.destroy();
    });
    far.on("close", () => near.destroy());
    far.setNoDelay(true);
    near.setNoDelay(true);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const lingering = new Set();
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /**
     * Cuts what is open: "both ends", "the client's end" (the server is not told), or "in the middle": when the server has
     * said `bytes` more. `done` is told how, when it is done; nothing when nothing was open.
     */
    cut(kind, bytes, done) {
      if (kind === "in the middle") {
        if (left < Infinity) return done();
        left = bytes;
        spent = () => {
          spent = () => {};
          left = Infinity;
          done(cutBoth() && kind);
        };
        return undefined;
      }
      if (kind === "both ends") return done(cutBoth() && kind);
      const open = [...pairs];
      for (const pair of open) {
        pair.lingers = true;
        lingering.add(pair.far);
        pair.far.once("close", () => lingering.delete(pair.far));
        sever(pair.near);
        pairs.delete(pair);
      }
      return done(open.length > 0 && kind);
    },
    /** Cuts nothing more. */
    heal() {
      left = Infinity;
    },
    async close() {
      cutBoth();
      for (const far of lingering) far.destroy();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
