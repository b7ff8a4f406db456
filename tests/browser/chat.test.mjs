// Windows that talk to each other.

import assert from "node:assert/strict";
import { anyName } from "../../crates/cli/assets/switchboard/strings.js";
import { test } from "./suite.mjs";
import { someone } from "./window.mjs";

const techniques = ["short-polling", "long-polling", "sse", "websocket", "auto"];
const carriers = { auto: "websocket" };
const carrier = (via) => carriers[via] ?? via;

test("five windows over five techniques show every line once, in one order, marked with what carried it", async ({ open }) => {
  const windows = await Promise.all(techniques.map((via) => open({ via, name: someone(via) })));
  const automatic = windows.at(-1);
  await automatic.until("upgrades", () => document.body.dataset.via === "websocket");

  const texts = [];
  for (const window of windows) {
    const text = `${window.name} speaks`;
    texts.push(text);
    await window.say(text);
  }
  // Then all at once.
  await Promise.all(
    windows.map(async (window) => {
      const crowd = Array.from({ length: 6 }, (_, i) => `${window.name} in the crowd ${i}`);
      texts.push(...crowd);
      await window.sayAll(crowd);
    }),
  );
  await Promise.all(windows.map((window) => window.hears(texts)));

  const [reference] = await Promise.all(windows.map((window) => window.lines()));
  const wanted = new Set(texts);
  const order = reference.filter(({ text }) => wanted.has(text)).map(({ n, text }) => `${n} ${text}`);
  for (const [at, window] of windows.entries()) {
    await window.isWhole(texts);
    const lines = (await window.lines()).filter(({ text }) => wanted.has(text));
    assert.deepEqual(lines.map(({ n, text }) => `${n} ${text}`), order, window.name);
    for (const line of lines) {
      const sender = windows.findIndex(({ name }) => name === line.from);
      assert.equal(line.by, carrier(techniques[sender]), `${window.name}: what carried "${line.text}" from its sender`);
      assert.equal(line.here, carrier(techniques[at]), `${window.name}: what brought "${line.text}" here`);
    }
  }
});

test("the mark of a line says both techniques in words", async ({ open }) => {
  const [speaker, hearer] = await Promise.all([open({ via: "short-polling", name: someone("Kay") }), open({ via: "websocket" })]);
  const text = `${speaker.name} asks`;
  await speaker.say(text);
  await hearer.hears([text]);
  const mark = hearer.page.locator("#lines .line", { hasText: text }).locator(".patch");
  assert.equal(await mark.locator(".unseen").textContent(), "sent over short polling, arrived here over WebSocket");
  assert.equal(await mark.locator(".plug").first().innerText(), "Short polling");
  const glyphs = await mark.locator("use").evaluateAll((uses) => uses.map((use) => use.getAttribute("href")));
  assert.deepEqual(glyphs, ["#glyph-short-polling", "#glyph-websocket"]);
});

test("who comes, goes or takes another name is seen by all, with the technique in use", async ({ open }) => {
  const [watcher, guest] = await Promise.all([open({ name: someone("Watcher") }), open({ via: "long-polling", name: someone("Guest") })]);
  const shows = (name, via) =>
    watcher.until(
      `${name} is here over ${via}`,
      ([name, via]) => [...document.querySelectorAll("#people .person")].some((one) => one.querySelector(".name").textContent === name && one.dataset.via === via),
      [name, via],
    );
  await shows(guest.name, "long-polling");
  await shows(watcher.name, "websocket");
  assert.equal(await watcher.page.locator("#people .person.mine .name").innerText(), watcher.name);

  const renamed = someone("Renamed");
  await guest.page.fill("#name", renamed);
  await guest.page.press("#name", "Enter");
  await shows(renamed, "long-polling");
  assert.ok(!(await watcher.people()).some(({ name }) => name === guest.name));
  assert.equal(await guest.page.evaluate(() => document.activeElement.id), "text");

  await guest.choose("websocket");
  await shows(renamed, "websocket");
  assert.equal((await watcher.people()).filter(({ name }) => name === renamed).length, 1, "a change of technique is still one person");

  const before = await watcher.page.locator("#count").innerText();
  await guest.page.close();
  await watcher.until("the guest has gone", (name) => !document.getElementById("people").textContent.includes(name), renamed);
  assert.notEqual(await watcher.page.locator("#count").innerText(), before);
});

test("a name is cut to 32 characters, and an empty one is replaced", async ({ open }) => {
  const window = await open({ name: "\u{1f41f}".repeat(40) });
  assert.equal(await window.page.inputValue("#name"), "\u{1f41f}".repeat(32));
  await window.page.fill("#name", "   ");
  await window.page.press("#name", "Enter");
  assert.notEqual((await window.page.inputValue("#name")).trim(), "");
});

test("two pages that make up the same name do not both keep it", async ({ open }) => {
  const prepare = (page) => page.addInitScript(() => (Math.random = () => 0));
  const first = await open({ prepare });
  const second = await open({ prepare });
  const name = await first.page.inputValue("#name");
  await second.until("takes another", (name) => document.getElementById("name").value !== name, name);
  const other = await second.page.inputValue("#name");
  await first.until("sees both", ([name, other]) => {
    const shown = [...document.querySelectorAll("#people .name")].map((one) => one.textContent);
    return [name, other].every((name) => shown.filter((one) => one === name).length === 1);
  }, [name, other]);
});

test("there are always more names", () => {
  const taken = [];
  for (let i = 0; i < 30; i += 1) taken.push(anyName(taken));
  assert.equal(new Set(taken).size, 30);
});

test("who types is shown to the others until they stop, speak, or say no more for five seconds", async ({ open }) => {
  const [writer, reader] = await Promise.all([
    open({ name: someone("Writer") }),
    open({ via: "sse", prepare: (page) => page.clock.install() }),
  ]);
  const typing = reader.page.locator("#typing");
  const shows = (on) => reader.until(`typing is ${on ? "shown" : "gone"}`, (on) => document.getElementById("typing").hidden !== on, on);

  await writer.page.locator("#text").pressSequentially("he");
  await shows(true);
  assert.equal(await typing.innerText(), `${writer.name} is typing`);
  assert.equal(await reader.page.locator("#people .typing .name").innerText(), writer.name);
  assert.ok(await writer.page.locator("#typing").isHidden(), "nobody is told of their own typing");

  await writer.page.fill("#text", "");
  await shows(false);

  await writer.page.locator("#text").pressSequentially("hello");
  await shows(true);
  await writer.page.press("#text", "Enter");
  await shows(false);

  await writer.page.locator("#text").pressSequentially("and");
  await shows(true);
  await reader.page.clock.fastForward(4_000);
  assert.ok(await typing.isVisible());
  await reader.page.clock.fastForward(2_000);
  await shows(false);
});

test("what people send is shown as text, whatever it looks like", async ({ open }) => {
  const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  const [speaker, hearer] = await Promise.all([open({ name: "<b>bold</b>" }), open()]);
  await speaker.say(evil);
  await speaker.page.locator("#text").pressSequentially("a");
  await hearer.hears([evil]);
  await hearer.until("typing is shown", () => !document.getElementById("typing").hidden);
  for (const { page } of [speaker, hearer]) {
    assert.equal(await page.locator("#lines img, #lines script, .from b, .name b, #typing b").count(), 0);
    assert.doesNotMatch(await page.title(), /owned/);
  }
  assert.match(await hearer.page.locator("#typing").innerText(), /^<b>bold<\/b>/);
});

test("a screen reader is told of new lines of others only, one by one", async ({ open }) => {
  const speaker = await open({ name: someone("Speaker") });
  await speaker.say(`${speaker.name} before`);
  await speaker.hears([`${speaker.name} before`]);
  const hearer = await open();
  await hearer.hears([`${speaker.name} before`]);
  const announcer = hearer.page.locator("#announcer");
  assert.equal(await announcer.getAttribute("aria-live"), "polite");
  assert.equal(await announcer.textContent(), "", "history is not read out");
  await speaker.say(`${speaker.name} after`);
  await hearer.say(`${speaker.name} heard`);
  await hearer.hears([`${speaker.name} after`, `${speaker.name} heard`]);
  assert.deepEqual(await announcer.locator("p").allTextContents(), [`${speaker.name}: ${speaker.name} after`]);
});
