// A TCP relay in front of the server, to break connections as networks do: without a goodbye.

import { once } from "node:events";
import { connect, createServer } from "node:net";

const GET = Buffer.from("GET ");

/**
 * A relay to `url`. `cut` ends every connection through it and takes no more; `asked` resolves while a GET that has
 * left for the server has no answer.
 */
export async function relay(url) {
  const { hostname, port } = new URL(url);
  const open = new Set();
  const waiting = new Set();
  let left = () => {};
  const server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    // A GET waits from when it has left until its answer comes; small as it is, the answer may be known first.
    let asked = 0;
    let answered = 0;
    near.on("data", (data) => {
      if (!data.subarray(0, GET.length).equals(GET)) return far.write(data);
      const number = ++asked;
      far.write(data, (error) => {
        if (error || answered >= number) return;
        waiting.add(near);
        left();
      });
    });
    near.on("end", () => far.end());
    far.on("data", () => {
      answered = asked;
      waiting.delete(near);
    });
    far.pipe(near);
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.setNoDelay(true);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        waiting.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async asked() {
      while (waiting.size === 0) await new Promise((resolve) => { left = resolve; });
    },
    async cut() {
      const closed = server.listening ? once(server, "close") : undefined;
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
