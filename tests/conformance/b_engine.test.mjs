// Application B: the Engine.IO rules again, under a Socket.IO server.

import { corsRules, handshakeRules } from "./rules/handshake.mjs";
import { refusalRules } from "./rules/refusals.mjs";
import { heartbeatRules } from "./rules/heartbeat.mjs";
import { closeRules } from "./rules/close.mjs";
import { upgradeRules } from "./rules/upgrade.mjs";
import { join, PATH as path } from "./support/socket.mjs";
import { QUIET, suite } from "./support/suite.mjs";

suite("B: handshake", { application: "B" }, (server) => {
  handshakeRules(server, { path, shown: { pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 } });
  corsRules(server, { path });
});
suite("B: refusal of wrong EIO, transport, methods and sid", { application: "B", env: QUIET }, (server) => {
  refusalRules(server, { path });
});
suite("B: heartbeat", { application: "B" }, (server) => {
  heartbeatRules(server, {
    path,
    interval: 300,
    timeout: 200,
    async join(peer) {
      await join(peer);
      await peer.receive(); // `auth`
    },
  });
});
suite("B: close", { application: "B", env: QUIET }, (server) => {
  closeRules(server, { path });
});
suite("B: upgrade with probe and noop", { application: "B", env: QUIET }, (server) => {
  upgradeRules(server, { path });
});
