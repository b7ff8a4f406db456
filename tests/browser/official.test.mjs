// The official client's bundles, and ours, in a page: what survives a cut, and what MessagePack carries.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { relay } from "./relay.mjs";
import { test } from "./suite.mjs";

const bundle = (name) => fileURLToPath(new URL(`node_modules/socket.io-client/dist/${name}`, import.meta.url));
const official = (page) => page.addScriptTag({ path: bundle("socket.io.min.js") });
const ours = (page) => page.addScriptTag({ url: "/socket.io/socket.io.js" });

/** A page of the server's own origin with a client in it: the one file that such a server has, as text. */
async function open(context, url, load) {
  const page = await (await context.browser.newContext()).newPage();
  await page.goto(new URL("/socket.io/socket.io.js", url).href);
  await load(page);
  return page;
}

const ways = { polling: ["polling"], WebSocket: ["websocket"], upgrade: ["polling", "websocket"] };
const clients = { "the official client": official, "our client": ours };

for (const [client, load] of Object.entries(clients)) {
  for (const [way, transports] of Object.entries(ways)) {
    test(`${client}, ${way}: a page whose line is cut comes back as what it was, and has missed nothing`, async (context) => {
      const line = await relay(process.env.RECOVERY_URL);
      const [page, sender] = await Promise.all([open(context, line.url, load), open(context, process.env.RECOVERY_URL, official)]);
      try {
        const room = `room ${client} ${way}`;
        const first = await page.evaluate(async ({ transports, room }) => {
          window.came = [];
          const socket = (window.socket = io({ transports, reconnectionDelay: 50, reconnectionDelayMax: 200, forceNew: true }));
          socket.on("room", (data) => came.push(data));
          await new Promise((resolve) => socket.on("auth", resolve));
          await new Promise((resolve) => socket.emit("join", room, resolve));
          return { id: socket.id, recovered: socket.recovered };
        }, { transports, room });
        await sender.evaluate(() => { window.socket = io({ forceNew: true }); });
        const send = (from, to) => sender.evaluate(async ({ from, to, room }) => {
          for (let number = from; number < to; number++) socket.emit("room", room, { number, bytes: new Uint8Array([number]).buffer });
          await new Promise((resolve) => socket.emit("echo", resolve));
        }, { from, to, room });
        await send(0, 20);
        await page.waitForFunction(() => came.length === 20);
        line.cut();
        await page.waitForFunction(() => !socket.connected);
        await send(20, 60);
        line.restore();
        await page.waitForFunction(() => socket.connected && came.length >= 60);
        await send(60, 70);
        await page.waitForFunction(() => came.length >= 70);
        const last = await page.evaluate(() => ({
          id: socket.id,
          recovered: socket.recovered,
          numbers: came.map(({ number }) => number),
          bytes: came.map(({ bytes }) => new Uint8Array(bytes)[0]),
        }));
        const all = Array.from({ length: 70 }, (_, number) => number);
        assert.deepEqual(first.recovered, false);
        assert.deepEqual(last, { id: first.id, recovered: true, numbers: all, bytes: all });
      } finally {
        await Promise.all([page.context().close(), sender.context().close()]);
        await line.close();
      }
    });
  }
}

for (const [way, transports] of Object.entries(ways)) {
  test(`the official bundle with MessagePack, ${way}: what a page has comes back`, async (context) => {
    const page = await open(context, process.env.MSGPACK_URL, (page) => page.addScriptTag({ path: bundle("socket.io.msgpack.min.js") }));
    try {
      const came = await page.evaluate(async (transports) => {
        const socket = io({ transports, forceNew: true, auth: { token: "t" } });
        const [auth] = await new Promise((resolve) => socket.on("auth", (...args) => resolve(args)));
        const echo = (...args) => new Promise((resolve) => socket.emit("echo", ...args, (...answer) => resolve(answer)));
        const bytes = (value) => Array.from(new Uint8Array(value.buffer ?? value));
        const values = [1, -1, 1.5, 2 ** 40, "日本 😀", null, [true, { a: [] }], { _placeholder: true, num: 0 }];
        const back = await echo(...values);
        const [array, view, text] = await echo(new Uint8Array([1, 2, 255]).buffer, new Uint16Array([1, 2]), "end");
        const [date, nothing] = await echo(new Date(1_700_000_000_000), undefined);
        return { auth, same: JSON.stringify(back) === JSON.stringify(values), array: bytes(array), view: { ...view }, text, date, nothing };
      }, transports);
      assert.deepEqual(came, {
        // A typed array is an object of numbers to its encoder.
        auth: { token: "t" }, same: true, array: [1, 2, 255], view: { 0: 1, 1: 2 }, text: "end", date: "2023-11-14T22:13:20.000Z", nothing: null,
      });
    } finally {
      await page.context().close();
    }
  });
}
