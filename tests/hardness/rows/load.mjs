// Attacks by amount.

import assert from "node:assert/strict";
import { request } from "../../conformance/support/http.mjs";
import { sleep } from "../../conformance/support/time.mjs";
import { head } from "../support/line.mjs";
import { PATH, Peer, text } from "../support/peer.mjs";
import { MB, row } from "../support/rows.mjs";

/** Does `work(n)` for all n below `count`, `at` of them at once. */
export async function crowd(count, at, work) {
  let next = 0;
  await Promise.all(Array.from({ length: at }, async () => {
    while (next < count) await work(next++);
  }));
}

row("load: slow reader broadcast", { peak: 64 * MB }, async (stage) => {
  const count = stage.size(400, 1_000);
  const [sender, ...hearers] = await Promise.all(Array.from({ length: 6 }, () => stage.connected()));
  const slow = await stage.connected();
  slow.pause();
  sender.ignore();
  const got = hearers.map((hearer) => {
    hearer.ignore();
    return hearer.counts.messages;
  });
  const files = stage.server.fileCount;
  const flood = text(`42["broadcast","${"x".repeat(100_000)}"]`);
  const heard = () => Math.min(...hearers.map((hearer, n) => hearer.counts.messages - got[n]));
  for (let n = 0; n < count; n++) {
    await sender.raw(flood);
    // No faster than those who read can: they are not to be cut.
    while (n - heard() > 40) await sleep(1);
  }
  await stage.until(() => heard() >= count, () => `one of the others heard ${heard()} of ${count}`, 20_000);
  await stage.until(() => stage.server.fileCount < files, () => "the slow reader is still there", stage.times.STALL_TIMEOUT + 5_000);
  for (const hearer of hearers) {
    hearer.ignores = false;
    assert.equal(await hearer.echo(4), 4);
  }
});

row("load: reset storm", { peak: 64 * MB }, async (stage) => {
  await crowd(stage.size(2_000, 20_000), 100, async (n) => {
    const line = await stage.line();
    stage.open.pop();
    switch (n % 5) {
      case 0: break;
      case 1: line.write(head("GET", `${PATH}?EIO=4&transport=polling`)); break;
      case 2: line.write("GET /socket.io/?EIO=4"); break;
      case 3: line.write(head("POST", `${PATH}?EIO=4&transport=polling&sid=x`, ["Content-Length: 100"]) + "4"); break;
      default: {
        line.cut();
        const peer = await Peer.connected(stage.server);
        peer.send('42["broadcast",1]', '42["echo",1]');
        peer.reset();
        return;
      }
    }
    if (n % 2) await sleep(1);
    line.reset();
  });
});

row("load: reconnect storm", { peak: 64 * MB }, async (stage) => {
  await crowd(stage.size(2_000, 20_000), 100, async (n) => {
    if (n % 4 === 0) {
      const session = await stage.pollingSocket();
      await session.send('420["echo",1]');
      for (let packet = ""; packet !== "430[1]";) packet = await session.receive();
      await session.send("1");
    } else {
      const peer = await Peer.connected(stage.server);
      assert.equal(await peer.echo(n), n);
      if (n % 3) peer.cut();
      else peer.send("41");
      peer.cut();
    }
  });
});

row("load: big echo burst", { peak: 200 * MB, final: 16 * MB }, async (stage) => {
  const flood = text(`420["echo","${"x".repeat(900_000)}"]`);
  const peers = await Promise.all(Array.from({ length: 10 }, () => stage.connected()));
  const rounds = stage.size(20, 200);
  await Promise.all(peers.map(async (peer) => {
    peer.ignore();
    const before = peer.counts.messages;
    for (let n = 0; n < rounds; n++) await peer.raw(flood);
    await stage.until(() => peer.counts.messages - before >= rounds, () => "not all came back", 30_000);
  }));
  // And by POST.
  const sessions = await Promise.all(Array.from({ length: 5 }, () => stage.pollingSocket()));
  await Promise.all(sessions.map(async (session) => {
    for (let n = 0; n < 4; n++) {
      assert.equal((await request(stage.server, session.target, { method: "POST", body: `42${n}["echo","${"y".repeat(900_000)}"]` })).status, 200);
      while (!(await session.receive()).startsWith("43"));
    }
  }));
});
