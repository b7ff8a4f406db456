// English and Japanese.

import assert from "node:assert/strict";
import { test } from "./suite.mjs";
import { someone } from "./window.mjs";

const japanese = /[\u3040-\u30ff\u4e00-\u9fff]/;
/** Shown alike in both languages. */
const names = ["Switchboard", "WebSocket", "SSE", "English"];

/** Every string of the table that the page shows or says: `{ key, words }`. */
const strings = ({ page }) =>
  page.evaluate(() =>
    [...document.querySelectorAll("[data-text], [data-label], [data-hint], [data-placeholder]")].flatMap((element) => {
      const { text, label, hint, placeholder } = element.dataset;
      return [
        [text, element.textContent],
        [label, element.getAttribute("aria-label")],
        [hint, element.title],
        [placeholder, element.placeholder],
      ].flatMap(([key, words]) => (key ? [{ key, words }] : []));
    }),
  );

test("a browser that prefers Japanese gets Japanese, throughout", async ({ open }) => {
  const window = await open({ via: "long-polling", name: someone("Haru"), locale: "ja-JP" });
  await window.say(`${window.name} です`);
  await window.hears([`${window.name} です`]);
  await window.until("everything is there", () => document.getElementById("wire").getAttribute("aria-label"));
  assert.equal(await window.page.getAttribute("html", "lang"), "ja");
  const shown = await strings(window);
  assert.ok(shown.length > 60);
  for (const { key, words } of shown) assert.ok(names.includes(words) || japanese.test(words), `${key} in Japanese: ${words}`);
  assert.match(await window.whole(), /欠けも重複もなし/);
});

test("any other browser gets English, throughout", async ({ open }) => {
  const window = await open({ via: "long-polling", name: someone("Harry"), locale: "de-DE" });
  assert.equal(await window.page.getAttribute("html", "lang"), "en");
  for (const { key, words } of await strings(window)) {
    if (key !== "language.name") assert.doesNotMatch(words, japanese, `${key} in English`);
    assert.match(words, /\S/, `${key} in English`);
  }
});

test("the switch changes the language at once, keeps the line, and a reload keeps the choice", async ({ open }) => {
  const window = await open({ name: someone("Two") });
  const { page } = window;
  await window.say(`${window.name} speaks`);
  await window.hears([`${window.name} speaks`]);
  await page.fill("#text", "half a sentence");
  await page.click("#language");
  assert.equal(await page.getAttribute("html", "lang"), "ja");
  assert.equal(await page.locator(".send").innerText(), "送信");
  assert.equal(await page.locator("#when").innerText().then((words) => japanese.test(words)), true);
  const mark = page.locator("#lines .line", { hasText: `${window.name} speaks` }).locator(".unseen");
  assert.equal(await mark.last().textContent(), "送信は WebSocket、この窓へは WebSocket");
  assert.equal(await page.inputValue("#text"), "half a sentence");
  assert.equal(await window.state(), "open");
  for (const { key, words } of await strings(window)) assert.ok(names.includes(words) || japanese.test(words), `${key}: ${words}`);

  await page.reload();
  await window.open();
  assert.equal(await page.getAttribute("html", "lang"), "ja");
  await page.click("#language");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.equal(await page.locator(".send").innerText(), "Send");
});
