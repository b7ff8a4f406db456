// One window of the Switchboard, as a person sees it.

import assert from "node:assert/strict";

const patience = 15_000; // ms until something that must happen has not

// A server that has seen an earlier run still has its lines.
const run = Date.now().toString(36).slice(-4);
let named = 0;
/** A name that nobody else has. */
export const someone = (stem) => `${stem}-${run}-${(named += 1)}`;

export class Window {
  /** What must not be there at the end: errors of the page, and whatever its policy refused. */
  complaints = [];

  constructor(page, name) {
    this.page = page;
    this.name = name;
    page.on("pageerror", (error) => this.complaints.push(String(error.stack ?? error)));
    page.on("console", (message) => /Content Security Policy/.test(message.text()) && this.complaints.push(message.text()));
  }

  get context() {
    return this.page.context();
  }

  /** Waits until `check`, run in the page with `value`, answers something true: at most `timeout` ms. */
  async until(what, check, value, timeout = patience) {
    try {
      return await (await this.page.waitForFunction(check, value, { timeout, polling: 50 })).jsonValue();
    } catch (error) {
      if (!/Timeout/.test(String(error))) throw error;
      const seen = await this.page.evaluate(() => document.body.innerText);
      const complaints = this.complaints.map((words) => `${words}\n`).join("");
      throw new Error(`${this.name}: ${what}: not within ${timeout} ms. ${complaints}The page ends with:\n${seen.slice(-1_500)}`);
    }
  }

  open() {
    return this.until("the line stands", () => document.body.dataset.state === "open");
  }

  state() {
    return this.page.evaluate(() => document.body.dataset.state);
  }

  async say(text) {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  /** Says many lines as fast as the page takes them. */
  sayAll(texts) {
    return this.page.evaluate((texts) => {
      const box = document.getElementById("text");
      for (const text of texts) {
        box.value = text;
        box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
      }
    }, texts);
  }

  /** All lines shown: `{ n, from, text, by, here }`. */
  lines() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("#lines > .line")].map((line) => {
        const plugs = line.querySelectorAll(".plug");
        return {
          n: Number(line.querySelector(".number").textContent),
          from: line.querySelector(".from").textContent,
          text: line.querySelector(".words").textContent,
          by: plugs[0].dataset.via,
          here: plugs[1].dataset.via,
        };
      }),
    );
  }

  /** Waits until each of `texts` is shown. */
  hears(texts) {
    return this.until(
      `hears ${texts.length} lines`,
      (texts) => {
        const shown = new Set([...document.querySelectorAll("#lines .words")].map((words) => words.textContent));
        return texts.every((text) => shown.has(text));
      },
      texts,
    );
  }

  /** The sentence about missing and doubled lines. */
  whole() {
    return this.page.locator("#whole").innerText();
  }

  /** Asserts that numbers follow each other without a gap, that each of `texts` stands there once, and that the page says so. */
  async isWhole(texts = []) {
    const lines = await this.lines();
    lines.slice(1).forEach((line, at) => assert.equal(line.n, lines[at].n + 1, `${this.name}: after line ${lines[at].n}`));
    for (const text of texts) {
      assert.equal(lines.filter((line) => line.text === text).length, 1, `${this.name}: how often it shows "${text}"`);
    }
    assert.match(await this.whole(), /none missing, none twice|欠けも重複もなし/);
  }

  async people() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("#people .person")].map((one) => ({ name: one.querySelector(".name").textContent, via: one.dataset.via })),
    );
  }

  async choose(technique) {
    await this.page.locator(`input[value="${technique}"]`).check({ force: true });
  }

  cost(name) {
    return this.page.locator(`#cost-${name}`).innerText();
  }
}
