// One `describe` per official client and way, with sockets that are closed after each test.

import { afterEach, describe } from "node:test";
import { clients, Sockets } from "./clients.mjs";
import { url } from "./target.mjs";

/** Runs `tests({ client, sockets })` for each client; `sockets()` are those of the running test. */
export function overEveryClient(topic, tests) {
  for (const client of clients) {
    describe(`${topic}: client ${client.name}`, { timeout: 60_000 }, () => {
      let current;
      const sockets = () => (current ??= new Sockets(client, url));
      afterEach(() => {
        current?.close();
        current = undefined;
      });
      tests({ client, sockets });
    });
  }
}
