// When the line breaks: what is seen, and that nothing is lost or doubled; and that the page would tell if it were.

import assert from "node:assert/strict";
import { relay } from "./relay.mjs";
import { test } from "./suite.mjs";
import { someone } from "./window.mjs";

const soon = 3_000; // ms; a client keeps a broken stream's session for 15 s, and people must not be left to wonder that long
const state = (window, wanted, timeout) =>
  window.until(`the line is ${wanted}`, (wanted) => document.body.dataset.state === wanted, wanted, timeout);

for (const via of ["short-polling", "long-polling", "sse", "websocket", "auto"]) {
  test(`a cut over ${via} is seen at once, and all is there when the line is back`, async ({ open, url }) => {
    const line = await relay(url);
    try {
      const [steady, broken] = await Promise.all([open({ name: someone("Steady") }), open({ via, at: line.url, name: someone("Broken") })]);
      await steady.say(`${steady.name} before`);
      await broken.hears([`${steady.name} before`]);
      line.cut();
      await state(broken, "cut", soon);
      assert.match(await broken.page.locator("#banner").innerText(), /line is cut/);
      assert.match(await broken.page.locator(".state").innerText(), /Reconnecting/);
      const said = [`${broken.name} meanwhile`];
      await broken.say(said[0]);
      assert.equal(await broken.page.locator("#pending .words").innerText(), said[0], "what waits is shown");
      for (let i = 1; i <= 5; i += 1) {
        said.push(`${steady.name} meanwhile ${i}`);
        await steady.say(said.at(-1));
      }
      await steady.hears(said.slice(1));
      line.restore();
      await broken.page.locator("#retry").click({ timeout: 2_000 }).catch(async (error) => {
        // It may be back already; then there is no button any more.
        if ((await broken.state()) !== "open") throw error;
      });
      await state(broken, "open");
      for (const window of [steady, broken]) {
        await window.hears(said);
        await window.isWhole(said);
      }
      assert.ok(await broken.page.locator("#banner").isHidden());
      assert.equal(await broken.page.locator("#pending .line").count(), 0);
      await steady.until(
        "one person came back, not two",
        (name) => [...document.querySelectorAll("#people .name")].filter((one) => one.textContent === name).length === 1,
        broken.name,
      );
    } finally {
      await line.close();
    }
  });
}

test("a line that arrived although its answer was lost is not said twice", async ({ open, url }) => {
  for (const via of ["websocket", "long-polling", "sse"]) {
    const line = await relay(url);
    try {
      const [steady, deaf] = await Promise.all([open({ name: someone("Steady") }), open({ via, at: line.url, name: someone("Deaf") })]);
      const said = `${deaf.name} over ${via}`;
      // A POST waits for the answer to the one before it, so over HTTP only the answer to this one may be lost.
      line.deafen(via === "websocket" ? undefined : said);
      await deaf.say(said);
      await steady.hears([said]);
      assert.equal(await deaf.page.locator("#pending .words").innerText(), said, "as far as it knows it is still on its way");
      line.cut();
      await state(deaf, "cut");
      line.restore();
      await state(deaf, "open");
      await deaf.hears([said]);
      await deaf.until("nothing waits", () => document.querySelectorAll("#pending .line").length === 0);
      for (const window of [steady, deaf]) await window.isWhole([said]);
    } finally {
      await line.close();
    }
  }
});

test("a line that the wire drops is told as missing, and one that it brings twice as twice", async ({ open }) => {
  let drop = "";
  let double = "";
  const spoiled = await open({
    prepare: (page) =>
      page.routeWebSocket(/socket\.io/, (socket) => {
        const server = socket.connectToServer();
        server.onMessage((message) => {
          if (drop && message.includes(drop) && message.includes('"line"')) return;
          socket.send(message);
          if (double && message.includes(double) && message.includes('"line"')) socket.send(message);
        });
      }),
  });
  const speaker = await open({ name: someone("Spoken") });
  assert.match(await spoiled.whole(), /none missing, none twice/);

  double = `${speaker.name} doubled`;
  await speaker.say(double);
  await spoiled.hears([double]);
  const lines = await spoiled.lines();
  const { n } = lines.find(({ text }) => text === double);
  await spoiled.until("tells what came twice", (n) => document.getElementById("whole").textContent === `1 twice: ${n}`, n);
  assert.equal(lines.filter(({ text }) => text === double).length, 1, "it is shown once all the same");

  drop = `${speaker.name} dropped`;
  await speaker.say(drop);
  await speaker.say(`${speaker.name} next`);
  await spoiled.hears([`${speaker.name} next`]);
  assert.equal(await spoiled.whole(), `1 missing: ${n + 1}`);
  assert.equal(await spoiled.page.locator("#lines .gap").innerText(), `Line ${n + 1} is missing here`);
  assert.ok(await spoiled.page.locator("#whole").evaluate((element) => element.classList.contains("broken")));
});

test("numbers that begin anew with another chat empty the page instead of being taken for doubles", async ({ open }) => {
  let chat = null;
  let connections = 0;
  const window = await open({
    prepare: (page) =>
      page.routeWebSocket(/socket\.io/, (socket) => {
        connections += 1;
        const server = socket.connectToServer();
        server.onMessage((message) => {
          const found = /"chat":"([^"]+)"/.exec(message);
          if (found && connections > 1) {
            // As after a restart of the server: another chat, whose first line is number 1.
            chat = found[1];
            const start = { chat: "another", you: { id: 1, name: "x" }, people: { count: 1, list: [] }, last: 1, lines: [{ n: 1, id: 9, from: "First", text: "a new chat", at: 0, via: "sse" }] };
            return socket.send(`${/^43\d+/.exec(message)[0]}[${JSON.stringify(start)}]`);
          }
          socket.send(message);
        });
      }),
  });
  await window.say("in the old chat");
  await window.hears(["in the old chat"]);
  await window.choose("auto");
  await window.choose("websocket");
  await window.hears(["a new chat"]);
  assert.ok(chat);
  assert.deepEqual((await window.lines()).map(({ n, text }) => [n, text]), [[1, "a new chat"]]);
  assert.match(await window.whole(), /^1 line, none missing, none twice$/);
});

test("an absence longer than the history is told as what it is: missing lines", async ({ open, url }) => {
  const line = await relay(url);
  try {
    const [speaker, absent] = await Promise.all([open({ name: someone("Many") }), open({ at: line.url })]);
    await speaker.say(`${speaker.name} 0`);
    await absent.hears([`${speaker.name} 0`]);
    const { n } = (await absent.lines()).at(-1);
    line.cut();
    await state(absent, "cut");
    await speaker.sayAll(Array.from({ length: 103 }, (_, i) => `${speaker.name} ${i + 1}`));
    await speaker.hears([`${speaker.name} 103`]);
    line.restore();
    await absent.hears([`${speaker.name} 103`]);
    assert.equal(await absent.whole(), `3 missing: ${n + 1}-${n + 3}`);
    assert.equal(await absent.page.locator("#lines .gap").innerText(), `Lines ${n + 1} to ${n + 3} are missing here`);
  } finally {
    await line.close();
  }
});

test("without its client the page says what is wrong", async ({ open }) => {
  const window = await open({ waits: false, prepare: (page) => page.route("**/socket.io.min.js", (route) => route.abort()) });
  await state(window, "broken");
  assert.match(await window.page.locator("#banner").innerText(), /could not be loaded/);
  assert.ok(await window.page.locator("#empty").isHidden(), "no line is said to be open");
});
