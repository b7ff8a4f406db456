// How cases are grouped: a suite has a server of its own, and its cases run side by side.

import { after, before, describe } from "node:test";
import { reference, Server } from "./server.mjs";

/** Cases of a suite that run at once. */
const CONCURRENCY = 8;
/** What a suite may take, in milliseconds; what its cases wait for has limits of its own. */
const LIMIT = 120_000;

/**
 * Settings under which a server says nothing of itself: no ping, and no time-out that a busy machine could miss.
 * Cases about anything but time run with them.
 */
export const QUIET = { PING_INTERVAL: "60000", PING_TIMEOUT: "60000", CONNECT_TIMEOUT: "60000" };

/** Runs `cases(server)` against `application`, started with `env`. */
export function suite(title, { application, env = {}, concurrency = CONCURRENCY }, cases) {
  describe(title, { concurrency, timeout: LIMIT }, () => {
    const server = new Server(application, env);
    before(() => server.start());
    after(async () => {
      try {
        server.assertAlive();
      } finally {
        await server.stop();
      }
    });
    cases(server);
  });
}

/** How the reason of a case begins that is not asked of the original; the runner counts them by it. */
export const STRICTER = "ours is stricter: ";

/** For a case in which we answer otherwise than the original, on purpose: it is skipped there. */
export function ours(why) {
  return { skip: reference ? STRICTER + why : false };
}
