// Pictures of a real run: each theme, width and language for those who judge them, and the one of the README.

import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "./suite.mjs";

const readme = { width: 740, height: 620 };

test("four windows in one chat, one per technique, in one picture", async ({ open, browser, pictures }) => {
  const people = [
    ["short-polling", "Ada", "light", "en-US"],
    ["long-polling", "みどり", "light", "ja-JP"],
    ["sse", "Radia", "dark", "en-US"],
    ["websocket", "Grace", "dark", "en-US"],
  ];
  const windows = await Promise.all(
    people.map(([via, name, colorScheme, locale]) => open({ via, name, colorScheme, locale, viewport: readme, timezoneId: "Asia/Tokyo" })),
  );
  const [ada, midori, radia, grace] = windows;
  const talk = [
    [grace, "One WebSocket here. What do the rest of you have?"],
    [ada, "Short polling. I ask, and ask, and ask again."],
    [midori, "こちらはロングポーリングです。返事が来るまで待ちます"],
    [radia, "One HTTP response that never ends. Server-sent events."],
    [grace, "Four windows, four techniques, one chat."],
    [midori, "順番どおり、全部届いています 🐟"],
    [ada, "Every line is numbered, and none is missing."],
  ];
  for (const [window, text] of talk) {
    await window.say(text);
    await Promise.all(windows.map((one) => one.hears([text])));
    // A picture of people who talk, not of a burst: the wire shows twelve seconds.
    await new Promise((resolve) => setTimeout(resolve, 900));
  }
  await grace.page.locator("#text").pressSequentially("And when the line");
  await ada.until("typing is shown", () => !document.getElementById("typing").hidden);
  for (const window of windows) await window.isWhole();

  const shots = await Promise.all(windows.map(({ page }) => page.screenshot()));
  const gap = 20;
  const size = { width: readme.width * 2 + gap * 3, height: readme.height * 2 + gap * 3 };
  const page = await (await browser.newContext({ viewport: size })).newPage();
  const images = shots.map((shot) => `<img src="data:image/png;base64,${shot.toString("base64")}">`).join("");
  await page.setContent(`<style>body{margin:0;padding:${gap}px;display:grid;grid-template-columns:auto auto;gap:${gap}px;background:#c9d2ce}img{display:block;border-radius:8px;width:${readme.width}px}</style>${images}`);
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  const picture = await page.screenshot();
  await page.context().close();
  await writeFile(join(pictures, "switchboard.png"), picture);
  assert.ok(picture.length < 400 * 1024, `the picture has ${picture.length} bytes`);
});

test("pictures of each theme, width and language", async ({ open, pictures }) => {
  const other = await open({ via: "websocket", name: "Grace" });
  const views = [
    ["wide-light", { via: "short-polling" }],
    ["wide-dark", { via: "sse", colorScheme: "dark" }],
    ["wide-japanese", { via: "long-polling", locale: "ja-JP" }],
    ["tablet", { via: "auto", viewport: { width: 820, height: 1180 } }],
    ["tablet-dark-japanese", { via: "websocket", viewport: { width: 820, height: 1180 }, colorScheme: "dark", locale: "ja-JP" }],
    ["phone-light", { via: "sse", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 }],
    ["phone-dark-japanese", { via: "long-polling", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: "dark", locale: "ja-JP" }],
  ];
  for (const [name, options] of views) {
    const window = await open({ name: "Ada", ...options });
    await other.say(`A line for ${name}`);
    await window.say(`And one from ${name}`);
    await window.hears([`And one from ${name}`, `A line for ${name}`]);
    await window.until("a ping came back", () => /\d/.test(document.getElementById("cost-latency").textContent));
    const path = join(pictures, `switchboard-${name}.png`);
    await window.page.screenshot({ path });
    assert.ok((await stat(path)).size > 10_000);
    if (name.startsWith("phone")) {
      await window.page.click("#details");
      await window.page.screenshot({ path: join(pictures, `switchboard-${name}-costs.png`) });
    }
    await window.context.close();
  }
});
