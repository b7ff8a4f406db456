// That each window really uses its technique, what that costs, and changing it while people talk.

import assert from "node:assert/strict";
import { test } from "./suite.mjs";
import { someone } from "./window.mjs";

/** Records what a page asks of the server's Socket.IO path, as the browser's own side sees it. */
function record(page) {
  const seen = { requests: [], sockets: 0 };
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname === "/socket.io/") seen.requests.push({ method: request.method(), transport: url.searchParams.get("transport"), wait: url.searchParams.get("wait") });
  });
  page.on("websocket", () => (seen.sockets += 1));
  return seen;
}

async function recorded(open, via) {
  let seen;
  const window = await open({ via, name: someone(via), prepare: (page) => (seen = record(page)) });
  await window.say(`${window.name} is on`);
  await window.hears([`${window.name} is on`]);
  return { window, seen };
}

const all = (seen, transport) => seen.requests.length > 0 && seen.requests.every((one) => one.transport === transport);

test("short polling asks with wait=0 and opens nothing else", async ({ open }) => {
  const { seen } = await recorded(open, "short-polling");
  assert.ok(all(seen, "polling") && seen.sockets === 0);
  assert.ok(seen.requests.filter(({ method }) => method === "GET").every(({ wait }) => wait === "0"));
});

test("long polling asks without wait and opens nothing else", async ({ open }) => {
  const { seen } = await recorded(open, "long-polling");
  assert.ok(all(seen, "polling") && seen.sockets === 0);
  assert.ok(seen.requests.every(({ wait }) => wait === null));
});

test("streaming is one GET that stays open and POSTs", async ({ open }) => {
  const { seen } = await recorded(open, "sse");
  assert.ok(all(seen, "sse") && seen.sockets === 0);
  assert.equal(seen.requests.filter(({ method }) => method === "GET").length, 1);
});

test("WebSocket is one handshake and nothing else", async ({ open }) => {
  const { seen } = await recorded(open, "websocket");
  assert.deepEqual(seen, { requests: [], sockets: 1 });
});

test("automatic begins with polling and moves to a WebSocket", async ({ open }) => {
  const { window, seen } = await recorded(open, "auto");
  await window.until("upgrades", () => document.body.dataset.via === "websocket");
  assert.ok(all(seen, "polling") && seen.sockets === 1);
  assert.equal(await window.page.locator(".patch-cord").getAttribute("hidden"), null, "a patch leads to the jack it chose");
  assert.match(await window.page.locator(".state").innerText(), /over WebSocket/);
});

test("the board counts the requests that the browser made, and messages, bytes and latency", async ({ open }) => {
  for (const via of ["short-polling", "long-polling", "sse", "websocket"]) {
    const { window, seen } = await recorded(open, via);
    await window.until("a ping came back", () => /\d/.test(document.getElementById("cost-latency").textContent));
    // Requests go on while we look: the figure lies between two counts of ours.
    const before = seen.requests.length + seen.sockets;
    const shown = await window.until(
      "counts its requests",
      (before) => {
        const n = Number(document.getElementById("cost-requests").textContent);
        return n >= before ? n : false;
      },
      before,
    );
    const after = seen.requests.length + seen.sockets;
    assert.ok(before <= shown && shown <= after, `${via}: ${before} <= ${shown} <= ${after}`);
    if (via === "websocket") assert.equal(shown, 1);
    assert.ok(Number(await window.cost("messages")) >= 4, `${via}: messages`);
    assert.ok(parseFloat(await window.cost("up")) > 0 && parseFloat(await window.cost("down")) > 0, `${via}: bytes`);
  }
});

test("the bytes of a long line are counted where it went up and where it came down", async ({ open }) => {
  const [speaker, hearer] = await Promise.all([open({ via: "websocket", name: someone("Long") }), open({ via: "sse" })]);
  /** The bytes shown as `which`, once they are at least `least`. */
  const bytes = (window, which, least) =>
    window.until(`bytes ${which} are at least ${least}`, ([which, least]) => {
      const value = parseFloat(document.getElementById(`cost-${which}`).textContent);
      const shown = value * (document.getElementById(`cost-${which}-unit`).textContent === "kB" ? 1_000 : 1);
      return shown >= least && { shown };
    }, [which, least]);
  const counters = [[speaker, "up"], [hearer, "down"]];
  const before = await Promise.all(counters.map(([window, which]) => bytes(window, which, 1)));
  const line = "z".repeat(1_900);
  await speaker.say(line);
  await hearer.hears([line]);
  for (const [at, [window, which]] of counters.entries()) {
    const { shown } = await bytes(window, which, before[at].shown + 1_800);
    assert.ok(shown < before[at].shown + 4_000, `${window.name}, ${which}: ${before[at].shown} -> ${shown}`);
  }
});

test("the headers that a page cannot see are told within a quarter of what they are", async ({ open }) => {
  for (const via of ["long-polling", "sse"]) {
    const sizes = [];
    const window = await open({
      via,
      prepare: async (page) => {
        const browser = await page.context().newCDPSession(page);
        const ours = new Set();
        const add = (headers, first) => Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, first + 4);
        browser.on("Network.requestWillBeSent", ({ requestId, request }) => new URL(request.url).pathname === "/socket.io/" && ours.add(requestId));
        // The address stands in the first line; its length differs by a query or two, which the estimate leaves out.
        browser.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) => sizes.push([requestId, add(headers, 90)]));
        browser.on("Network.responseReceivedExtraInfo", ({ requestId, headersText, headers }) => sizes.push([requestId, headersText?.length ?? add(headers, 17)]));
        sizes.of = () => sizes.filter(([id]) => ours.has(id)).reduce((sum, [, size]) => sum + size, 0) / ours.size;
        await browser.send("Network.enable");
      },
    });
    const last = someone("headers");
    for (let i = 0; i < 5; i += 1) await window.say(i < 4 ? `headers ${i}` : last);
    await window.hears([last]);
    const told = await window.until("counts enough to divide", () => {
      const requests = Number(document.getElementById("cost-requests").textContent);
      const headers = parseFloat(document.getElementById("cost-headers").textContent) * 1_000;
      return requests >= 5 && headers > 0 && headers / requests;
    });
    const real = sizes.of();
    assert.ok(told > real * 0.75 && told < real * 1.25, `${via}: ${told} told, ${real} seen`);
  }
});

test("a change of technique while all talk loses nothing and doubles nothing", async ({ open }) => {
  const [talker, changer] = await Promise.all([open({ name: someone("Talker") }), open({ via: "websocket", name: someone("Changer") })]);
  const said = [];
  let going = true;
  const talking = (async () => {
    for (let i = 1; going; i += 1) {
      said.push(`${talker.name} ${i}`);
      await talker.say(said.at(-1));
    }
  })();
  try {
    for (const via of ["short-polling", "sse", "long-polling", "auto", "websocket", "sse"]) {
      await changer.choose(via);
      // Said at once: before the old line is left, while there is none, or over the new one.
      said.push(`${changer.name} to ${via} ${said.length}`);
      await changer.say(said.at(-1));
      await changer.until(`stands over ${via}`, (via) => {
        const carriers = via === "auto" ? ["long-polling", "websocket"] : [via];
        return document.body.dataset.state === "open" && carriers.includes(document.body.dataset.via);
      }, via);
    }
  } finally {
    going = false;
    await talking;
  }
  for (const window of [talker, changer]) {
    await window.hears(said);
    await window.isWhole(said);
  }
  const mine = (await talker.lines()).filter(({ from }) => from === changer.name);
  assert.equal(mine.length, 6);
  assert.match(changer.page.url(), /via=sse/, "a reload keeps the technique");
});

test("the wire is drawn: requests and messages of this technique in its picture", async ({ open }) => {
  const { window } = await recorded(open, "long-polling");
  const colors = await window.until("draws", () => {
    const canvas = document.getElementById("wire");
    // Between the two ends, whose lines have the colour of the messages.
    const edge = Math.round(canvas.height * 0.25);
    const { data } = canvas.getContext("2d").getImageData(0, edge, canvas.width, canvas.height - 2 * edge);
    const seen = new Map();
    for (let i = 0; i < data.length; i += 4) {
      const key = `${data[i]},${data[i + 1]},${data[i + 2]},${data[i + 3]}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const probe = document.createElement("canvas").getContext("2d");
    const count = (color) => {
      probe.fillStyle = color;
      probe.fillRect(0, 0, 1, 1);
      return seen.get([...probe.getImageData(0, 0, 1, 1).data].join(",")) ?? 0;
    };
    const style = getComputedStyle(canvas);
    const counts = ["--via-long-polling", "--wire-ink"].map((name) => count(style.getPropertyValue(name).trim()));
    return counts[0] > 50 && counts[1] > 50 ? counts : false;
  });
  assert.ok(colors);
  await window.until("tells in words", () => /[1-9]\d* requests, [1-9]\d* messages sent/.test(document.getElementById("wire").getAttribute("aria-label")));
});
