// For everybody: axe over every theme, width, language and state; reflow; motion.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { relay } from "./relay.mjs";
import { test } from "./suite.mjs";
import { someone } from "./window.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const widths = { wide: { width: 1440, height: 900 }, tablet: { width: 820, height: 1180 }, phone: { width: 390, height: 844 } };

/** Makes `window` show that `writer` types: anew, since that is told at most every two seconds. */
async function typingShows(writer, window) {
  await writer.page.fill("#text", "");
  await writer.page.locator("#text").pressSequentially("t");
  await window.until("typing is shown", () => !document.getElementById("typing").hidden);
}

/** Every rule of WCAG 2.2 A and AA that axe knows; colours too, after the theme has settled. */
async function check({ page }, where) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  assert.ok(passes.some(({ id }) => id === "color-contrast"), `${where}: contrast was looked at`);
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html, any }) => `  ${html}\n    ${any[0]?.message ?? ""}`).join("\n")}`);
  assert.deepEqual(found, [], where);
}

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing in ${colorScheme}, wide, on a tablet and on a phone, in both languages`, async ({ open }) => {
    const other = await open({ via: "sse", name: someone("Other") });
    await other.say(`${other.name} says something`);
    const window = await open({ via: "short-polling", name: someone("Axe"), colorScheme });
    await window.say(`${window.name} says something`);
    await window.hears([`${other.name} says something`, `${window.name} says something`]);
    for (const language of ["English", "Japanese"]) {
      for (const [width, viewport] of Object.entries(widths)) {
        await window.page.setViewportSize(viewport);
        await typingShows(other, window);
        await check(window, `${colorScheme}, ${width}, ${language}`);
      }
      await window.page.click("#details");
      await check(window, `${colorScheme}, phone, costs open, ${language}`);
      await window.page.click("#details");
      await window.page.click("#language");
    }
  });

  test(`axe finds nothing in ${colorScheme} while the line is cut`, async ({ open, url }) => {
    const line = await relay(url);
    try {
      for (const viewport of [widths.wide, widths.phone]) {
        const window = await open({ via: "long-polling", at: line.url, colorScheme, viewport });
        line.cut();
        await window.until("the cut is seen", () => document.body.dataset.state === "cut");
        await window.say("this waits");
        await check(window, `${colorScheme}, ${viewport.width}, cut`);
        line.restore();
      }
    } finally {
      await line.close();
    }
  });
}

test("nothing scrolls sideways, down to 320 pixels, whatever is said", async ({ open }) => {
  const long = "n".repeat(32);
  const speaker = await open({ name: long });
  const text = `${someone("wide")} ${"x".repeat(300)} https://example.org/${"path/".repeat(40)}`;
  await speaker.say(text);
  for (const locale of ["en-US", "ja-JP"]) {
    const window = await open({ via: "auto", name: long, locale });
    await window.hears([text]);
    for (const width of [320, 390, 719, 720, 820, 1101]) {
      await window.page.setViewportSize({ width, height: 844 });
      await typingShows(speaker, window);
      const wide = await window.page.evaluate(() => {
        document.getElementById("board").classList.add("open");
        const page = document.documentElement;
        // The strip of people scrolls by itself; nothing else may reach over the edge.
        const over = [...document.querySelectorAll("body *:not(.unseen, .unseen *, #people *, svg *, symbol *)")].filter(
          (element) => element.getClientRects().length && element.getBoundingClientRect().right > innerWidth + 1,
        );
        return { page: page.scrollWidth, over: over.map(({ tagName, id, className }) => `${tagName}#${id}.${className}`) };
      });
      assert.deepEqual(wide, { page: width, over: [] }, `${locale} at ${width}`);
      assert.ok(await window.page.locator("#text").isVisible());
    }
  }
});

test("nothing moves where motion is not wanted", async ({ open, url }) => {
  const line = await relay(url);
  try {
    for (const reducedMotion of ["no-preference", "reduce"]) {
      const window = await open({ via: "long-polling", at: line.url, reducedMotion });
      line.cut();
      await window.until("the cut is seen", () => document.body.dataset.state === "cut");
      const moving = await window.page.evaluate(() => document.getAnimations().length);
      assert.equal(moving > 0, reducedMotion === "no-preference", `${moving} animations with ${reducedMotion}`);
      line.restore();
      await window.open();
      const [before, after] = await window.page.evaluate(async () => {
        const plug = document.querySelector(".plug-end");
        document.querySelector('input[value="auto"]').click();
        const before = plug.getAttribute("transform");
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        return [before, plug.getAttribute("transform")];
      });
      assert.equal(before === after, reducedMotion === "reduce", "the cord swings, or is there at once");
    }
  } finally {
    await line.close();
  }
});
