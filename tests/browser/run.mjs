// The Switchboard in headless Chromium: `SWITCHBOARD_URL=http://127.0.0.1:3000/ node run.mjs [part of a test's name]`.
//
// The server must run already, and so must application C of spec/conformance.md: at $RECOVERY_URL with recovery, at $MSGPACK_URL with
// MessagePack. Chromium is $CHROMIUM, or /usr/bin/chromium. Pictures go to $SCREENSHOTS, or target/screenshots.

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { run } from "./suite.mjs";
import { Window } from "./window.mjs";

import "./continuity.test.mjs";
import "./contract.test.mjs";
import "./chat.test.mjs";
import "./techniques.test.mjs";
import "./input.test.mjs";
import "./language.test.mjs";
import "./access.test.mjs";
import "./line.test.mjs";
import "./pictures.test.mjs";
import "./official.test.mjs";

for (const name of ["SWITCHBOARD_URL", "RECOVERY_URL", "MSGPACK_URL"]) {
  if (!process.env[name]) {
    console.error(`${name} is not set: start its server and give its address`);
    process.exit(2);
  }
}
const url = process.env.SWITCHBOARD_URL;
const pictures = process.env.SCREENSHOTS ?? fileURLToPath(new URL("../../target/screenshots/", import.meta.url));
await mkdir(pictures, { recursive: true });

const quiet = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const alone = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...quiet, ...alone] });

const windows = [];
const wide = { width: 1440, height: 900 };

const context = {
  url: new URL(url).href,
  browser,
  pictures,
  /**
   * Opens a window: `via` and `name` as its address says them, `at` another address of the server, `lang`; `prepare(page)` runs before the page
   * loads; the rest are Playwright's options of a context. `waits: false` does not wait for the line.
   */
  async open({ via = "websocket", name, at = url, lang, prepare, waits = true, ...options } = {}) {
    const page = await (await browser.newContext({ viewport: wide, locale: "en-US", colorScheme: "light", ...options })).newPage();
    const window = new Window(page, name ?? via);
    windows.push(window);
    await prepare?.(page);
    const query = new URLSearchParams({ via, ...(name && { name }), ...(lang && { lang }) });
    await page.goto(`${at}?${query}`);
    if (waits) await window.open();
    return window;
  },
  /** After each test: closes its windows; a window that complained fails it. */
  async clear() {
    const all = windows.splice(0);
    await Promise.all(all.map(({ context }) => context.close()));
    const complaints = all.flatMap(({ name, complaints }) => complaints.map((words) => `${name}: ${words}`));
    if (complaints.length) throw new Error(complaints.join("\n"));
  },
};

const { passed, failed } = await run(context, process.argv[2] ?? "");
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
