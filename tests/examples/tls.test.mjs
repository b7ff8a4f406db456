import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { X509Certificate } from "node:crypto";
import { ask, example, next } from "./support/example.mjs";

const tls = example("tls", { scheme: "https" });

/** The certificate that the server shows, to be trusted from then on. */
async function certificate() {
  const probe = connect({ host: "127.0.0.1", port: tls.port, rejectUnauthorized: false });
  await once(probe, "secureConnect");
  const shown = new X509Certificate(probe.getPeerCertificate().raw).toString();
  probe.destroy();
  return shown;
}

for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
  test(`${transports.join(", then ")}: a client that trusts the certificate is served`, async () => {
    const socket = await tls.connected("/", { transports, ca: await certificate() });
    if (socket.io.engine.transport.name !== transports.at(-1)) await next(socket.io.engine, "upgrade");
    assert.equal(await ask(socket, "carried by?"), transports.at(-1));
  });
}

test("a client that does not trust it does not connect", async () => {
  assert.equal((await tls.refused("/", { transports: ["websocket"] })).message, "websocket error");
});
