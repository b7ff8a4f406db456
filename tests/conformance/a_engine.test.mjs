// Application A: a bare Engine.IO server, by the rules of every Engine.IO server.

import { corsRules, handshakeRules } from "./rules/handshake.mjs";
import { refusalRules } from "./rules/refusals.mjs";
import { heartbeatRules } from "./rules/heartbeat.mjs";
import { closeRules } from "./rules/close.mjs";
import { upgradeRules } from "./rules/upgrade.mjs";
import { QUIET, suite } from "./support/suite.mjs";

const path = "/engine.io/";

suite("A: handshake", { application: "A" }, (server) => {
  handshakeRules(server, { path, shown: { pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 } });
  corsRules(server, { path });
});
suite("A: refusal of wrong EIO, transport, methods and sid", { application: "A", env: QUIET }, (server) => {
  refusalRules(server, { path });
});
suite("A: heartbeat", { application: "A" }, (server) => {
  heartbeatRules(server, { path, interval: 300, timeout: 200 });
});
suite("A: close", { application: "A", env: QUIET }, (server) => {
  closeRules(server, { path });
});
suite("A: upgrade with probe and noop", { application: "A", env: QUIET }, (server) => {
  upgradeRules(server, { path });
});
