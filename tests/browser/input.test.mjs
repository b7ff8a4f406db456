// Writing: the keyboard, input methods, limits.

import assert from "node:assert/strict";
import { test } from "./suite.mjs";
import { someone } from "./window.mjs";

/** Composes `text` as an input method does, and presses Enter, which the method takes. Answers how to commit the text. */
async function compose(page, text) {
  const browser = await page.context().newCDPSession(page);
  await browser.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  // No character comes of a key that the input method takes.
  for (const type of ["rawKeyDown", "keyUp"]) await browser.send("Input.dispatchKeyEvent", { type, key: "Enter", code: "Enter", windowsVirtualKeyCode: 13 });
  return () => browser.send("Input.insertText", { text });
}

test("Enter sends, Shift+Enter breaks the line, and the button sends as well", async ({ open }) => {
  const window = await open({ name: someone("Keys") });
  const { page } = window;
  await page.locator("#text").pressSequentially(`${window.name} one`);
  await page.press("#text", "Shift+Enter");
  await page.locator("#text").pressSequentially("two");
  assert.equal(await page.inputValue("#text"), `${window.name} one\ntwo`);
  await page.press("#text", "Enter");
  await window.hears([`${window.name} one\ntwo`]);
  assert.equal(await page.inputValue("#text"), "");
  await page.fill("#text", `${window.name} clicked`);
  await page.click(".send");
  await window.hears([`${window.name} clicked`]);
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
});

test("Enter that takes a suggestion of an input method does not send", async ({ open }) => {
  const window = await open({ name: someone("Kana") });
  const { page } = window;
  await page.evaluate(() => {
    window.enters = [];
    document.getElementById("text").addEventListener("keydown", (event) => event.key === "Enter" && window.enters.push([event.isComposing, event.keyCode]), true);
  });
  await page.focus("#text");
  const commit = await compose(page, "おはよう");
  assert.deepEqual((await page.evaluate(() => window.enters))[0]?.[0], true, "the browser was composing, or this test shows nothing");
  assert.equal(await page.inputValue("#text"), "おはよう");
  await commit();

  // Safari ends the composition before it tells of the key, and leaves only the code of a key that an input method took.
  await page.evaluate(() =>
    document.getElementById("text").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true })),
  );
  assert.match(await page.inputValue("#text"), /おはよう/);
  assert.equal(await page.locator("#lines .line, #pending .line", { hasText: "おはよう" }).count(), 0);

  const said = `おはよう ${window.name}`;
  await page.fill("#text", said);
  await page.keyboard.press("Enter");
  await window.hears([said]);
});

test("an input method's Enter in the name does not leave the name", async ({ open }) => {
  const { page } = await open();
  await page.fill("#name", "");
  await page.focus("#name");
  await compose(page, "さくら");
  assert.equal(await page.evaluate(() => document.activeElement.id), "name");
});

test("nothing but white space is not sent, and 2000 characters are the most", async ({ open }) => {
  const window = await open({ name: someone("Limit") });
  const { page } = window;
  const shown = () => page.locator("#lines .line.mine, #pending .line").count();
  const before = await shown();
  await page.fill("#text", " \n ");
  await page.press("#text", "Enter");

  // Characters, not UTF-16 units: each fish is two of those.
  const fish = "\u{1f41f}";
  await page.fill("#text", fish.repeat(2_001));
  assert.equal(await page.locator("#left").innerText(), "1 too many");
  await page.press("#text", "Enter");
  assert.equal(await page.inputValue("#text"), fish.repeat(2_001), "what is too long stays to be shortened");
  assert.equal(await shown(), before);

  await page.fill("#text", fish.repeat(2_000));
  assert.equal(await page.locator("#left").innerText(), "0 left");
  await page.press("#text", "Enter");
  await window.hears([fish.repeat(2_000)]);
  assert.ok(await page.locator("#left").isHidden());
});

test("all can be done with the keyboard, and the focus is always seen", async ({ open }) => {
  const window = await open({ via: "websocket", name: someone("Tab") });
  const { page } = window;
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      // A jack's ring is drawn around its label; all others carry their own.
      const ringed = element.type === "radio" ? element.parentElement.querySelector(".strip") : element;
      const { outlineStyle, outlineWidth } = getComputedStyle(ringed);
      const { width, height, top, bottom } = ringed.getBoundingClientRect();
      return {
        what: element.id || element.value || element.className,
        ring: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
        inView: width > 0 && height > 0 && bottom > 0 && top < innerHeight,
      };
    });
  const stops = [];
  await page.evaluate(() => document.activeElement.blur());
  for (let i = 0; i < 40; i += 1) {
    await page.keyboard.press("Tab");
    const stop = await focused();
    if (stops.length && (stop.what === stops[0] || stop.what === "")) break;
    assert.ok(stop.ring, `the focus on ${stop.what} is seen`);
    assert.ok(stop.inView, `${stop.what} is in view when focused`);
    stops.push(stop.what);
  }
  for (const what of ["skip", "language", "websocket", "another", "people", "scroller", "name", "text", "send"]) {
    assert.ok(stops.includes(what), `${what} is reached: ${stops.join(", ")}`);
  }

  // The technique by arrow keys; what lies between is passed over.
  await page.focus('input[value="websocket"]');
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  await window.until("stands over long polling", () => document.body.dataset.state === "open" && document.body.dataset.via === "long-polling");

  // And a line, from the top of the page.
  await page.evaluate(() => document.activeElement.blur());
  await page.focus(".skip");
  await page.keyboard.press("Enter");
  await window.until("skips to the message", () => document.activeElement.id === "text");
  await page.keyboard.type(`${window.name} by keys`);
  await page.keyboard.press("Enter");
  await window.hears([`${window.name} by keys`]);
});

test("who reads further up stays there, and a button leads to the new lines", async ({ open }) => {
  const [reader, speaker] = await Promise.all([open({ viewport: { width: 1000, height: 500 } }), open({ name: someone("Up") })]);
  await speaker.sayAll(Array.from({ length: 12 }, (_, i) => `${speaker.name} ${i + 1}`));
  await reader.hears([`${speaker.name} 12`]);
  const scroller = reader.page.locator("#scroller");
  const atEnd = () => scroller.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2);
  assert.ok(await atEnd(), "new lines are followed");
  await scroller.evaluate((element) => {
    element.scrollTop = 0;
  });
  await reader.until("it has noticed", () => document.getElementById("scroller").scrollTop === 0);
  await speaker.say(`${speaker.name} 13`);
  await reader.hears([`${speaker.name} 13`]);
  await reader.page.locator("#more").waitFor();
  assert.equal(await scroller.evaluate((element) => element.scrollTop), 0);
  assert.equal(await reader.page.locator("#more").innerText(), "1 new line");
  await reader.page.click("#more");
  assert.ok(await atEnd());
  assert.ok(await reader.page.locator("#more").isHidden());
});
