// One `describe` per official client and way, with sockets that are closed after each test.

import { afterEach, describe } from "node:test";
import { Sockets, travelling, versions } from "./clients.mjs";
import { original, url } from "./target.mjs";

/**
 * Runs `tests({ client, sockets, nameless })` for each client; `sockets()` are those of the running test. `nameless` is why
 * a test is skipped that names the client's socket by the id that the client knows.
 */
export function overEveryClient(topic, tests) {
  overClients(topic, versions, tests);
}

/** The same for these versions, over every way. */
export function overClients(topic, versions, tests) {
  for (const client of travelling(versions)) {
    describe(`${topic}: client ${client.name}`, { timeout: 60_000 }, () => {
      let current;
      const sockets = () => (current ??= new Sockets(client, url));
      afterEach(() => {
        current?.close();
        current = undefined;
      });
      const nameless = client.legacy && !original && "the id that it makes is not its socket's: spec/differences.md";
      tests({ client, sockets, nameless });
    });
  }
}
