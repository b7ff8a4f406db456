// Pictures of a real run: each theme, width and language for those who judge them, and the one of the README.

import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encode } from "./png.mjs";
import { test } from "./suite.mjs";

const largest = 400 * 1024; // bytes of the README's picture
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
  await grace.page.locator("#text").pressSequentially("And now");
  await ada.until("typing is shown", () => !document.getElementById("typing").hidden);
  for (const window of windows) await window.isWhole();

  const shots = await Promise.all(windows.map(({ page }) => page.screenshot()));
  const picture = await beside(await browser.newPage(), shots);
  await writeFile(join(pictures, "switchboard.png"), picture);
  assert.ok(picture.length < largest, `the picture has ${picture.length} bytes`);
});

/** Four pictures in one, drawn by the browser. */
async function beside(page, shots) {
  const gap = 20;
  const { width, height } = readme;
  const whole = await page.evaluate(
    async ([shots, width, height, gap]) => {
      const canvas = document.createElement("canvas");
      canvas.width = width * 2 + gap * 3;
      canvas.height = height * 2 + gap * 3;
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#c9d2ce";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      for (const [at, shot] of shots.entries()) {
        const image = new Image();
        image.src = `data:image/png;base64,${shot}`;
        await image.decode();
        pen.drawImage(image, gap + (at % 2) * (width + gap), gap + Math.floor(at / 2) * (height + gap));
      }
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      let letters = "";
      for (let i = 0; i < data.length; i += 32_768) letters += String.fromCharCode(...data.subarray(i, i + 32_768));
      return { width: canvas.width, height: canvas.height, pixels: btoa(letters) };
    },
    [shots.map((shot) => shot.toString("base64")), width, height, gap],
  );
  await page.close();
  return encode(whole.width, whole.height, Buffer.from(whole.pixels, "base64"));
}

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
  const windows = await Promise.all(views.map(([name, options]) => open({ name: `Ada ${name}`, ...options })));
  await other.say("A line for all of you");
  await Promise.all(windows.map((window) => window.say(`And one from ${window.name}`)));
  const said = ["A line for all of you", ...windows.map(({ name }) => `And one from ${name}`)];
  for (const [at, window] of windows.entries()) {
    const [name] = views[at];
    await window.hears(said);
    await window.until("a ping came back", () => /\d/.test(document.getElementById("cost-latency").textContent));
    const path = join(pictures, `switchboard-${name}.png`);
    await window.page.screenshot({ path });
    assert.ok((await stat(path)).size > 10_000);
    if (name.startsWith("phone")) {
      await window.page.click("#details");
      await window.page.screenshot({ path: join(pictures, `switchboard-${name}-costs.png`) });
    }
  }
});
