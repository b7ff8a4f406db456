// A TCP relay between a browser and the server, so that a test can cut a line whatever technique it uses.

import net from "node:net";

/** Relays to `target` (a URL). Answers `{ url, cut, restore, deafen, close }`. */
export async function relay(target) {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  let down = false;
  let deaf = false;
  let marker = null;
  const server = net.createServer((near) => {
    if (down) return near.resetAndDestroy();
    const far = net.connect({ host: hostname, port: Number(port || 80) });
    const pair = [near, far];
    pairs.add(pair);
    near.on("data", (bytes) => {
      if (marker && bytes.includes(marker)) deaf = true;
      far.write(bytes);
    });
    far.on("data", (bytes) => deaf || near.write(bytes));
    for (const [one, other] of [[near, far], [far, near]]) {
      // What one end does the other gets; an error is followed by the close.
      one.on("error", () => {});
      one.on("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    down = true;
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    /** Resets every connection and refuses new ones. */
    cut,
    /** Lets new connections through again. */
    restore() {
      down = false;
      deaf = false;
      marker = null;
    },
    /**
     * Drops what the server says, from now on or, with `words`, once the browser has sent those (in clear: masked frames hide them). What the
     * browser says still arrives.
     */
    deafen(words) {
      if (words) marker = Buffer.from(words);
      else deaf = true;
    },
    close() {
      cut();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
