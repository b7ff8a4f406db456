// Rows of the second table of spec/hardness.md that have no test here, each with where it belongs.

const CLUSTER = "needs adapters over a broker, which have suites of their own";
const NODES = "needs several nodes";

export const elsewhere = new Map([
  ["Redis killed and started again", CLUSTER],
  ["Redis answers after 5 s (slow)", CLUSTER],
  ["Redis half-open (SIGSTOP)", CLUSTER],
  ["Redis out of memory, or readonly replica after failover", CLUSTER],
  ["broker sends garbage, or packets of an unknown version", CLUSTER],
  ["hostile peer: very deep or huge msgpack from the broker", CLUSTER],
  ["kill -9 of a node in the middle of a broadcast", NODES],
  ["rolling restart of 3 nodes under load", NODES],
  ["netsplit of two nodes, then heal", NODES],
  ["server to client: hostile server against our client (huge frames, attachment lies, redirects, endless polling body)", "attacks the client, not the server"],
  ["client behind a proxy that drops idle connections, or buffers responses", "concerns clients: tests/browser"],
  ["cross-site WebSocket hijack (Origin of another site with cookies)", "is decided by the head of one request: tests of crates/engine"],
  ["soak: 24 h, 5,000 clients, 1 % churn a second", "takes a day"],
]);
