// What the server promises the page over HTTP: crates/cli/assets/CONTRACT.md.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "./suite.mjs";

const assets = new URL("../../crates/cli/assets/", import.meta.url);
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const ask = (url, path, headers = {}, method = "GET") => fetch(new URL(path, url), { method, headers });

test("every file of the page is served as it is, with its type and the page's headers", async ({ url }) => {
  const types = { css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8", svg: "image/svg+xml" };
  const parts = (await readdir(new URL("switchboard/", assets))).map((name) => `switchboard/${name}`);
  for (const path of ["switchboard.css", "switchboard.js", "favicon.svg", ...parts]) {
    const answer = await ask(url, path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), types[path.split(".").pop()], path);
    assert.equal(await answer.text(), await readFile(new URL(path, assets), "utf8"), path);
    assert.equal(answer.headers.get("content-security-policy"), policy, path);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(answer.headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(answer.headers.get("cache-control"), "no-cache", path);
  }
});

test("the browser client is where the page asks for it", async ({ url }) => {
  const answer = await ask(url, "socket.io/socket.io.min.js");
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /javascript/);
  assert.ok((await answer.text()).length > 10_000);
});

test("a page already known is not sent again", async ({ url }) => {
  for (const path of ["/", "/switchboard.css"]) {
    const tag = (await ask(url, path)).headers.get("etag");
    assert.ok(tag, path);
    const again = await ask(url, path, { "If-None-Match": tag });
    assert.deepEqual([again.status, await again.text()], [304, ""], path);
    const changed = await ask(url, path, { "If-None-Match": '"another"' });
    assert.equal(changed.status, 200, path);
    await changed.text();
  }
});

test("HEAD is answered like GET without its body, and what is not there with 404", async ({ url }) => {
  const head = await ask(url, "/", {}, "HEAD");
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  assert.match(head.headers.get("content-type"), /^text\/html/);
  for (const path of ["/CONTRACT.md", "/switchboard/none.js", "/switchboard/../index.html/x"]) {
    const answer = await ask(url, path);
    assert.equal(answer.status, 404, path);
    assert.doesNotMatch(await answer.text(), /<html/, path);
  }
});

test("Accept-Language decides in which language the page begins", async ({ url }) => {
  const plain = await readFile(new URL("index.html", assets), "utf8");
  const cases = {
    "": "en",
    "de, fr;q=0.5": "en",
    "ja": "ja",
    "ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7": "ja",
    "en-US,en;q=0.9,ja;q=0.8": "en",
    "en;q=0.3, ja;q=0.7": "ja",
    "en;q=0.5, ja;q=0.5": "en",
    "ja;q=0.5, en;q=0.5": "ja",
    "de, ja;q=0.1": "ja",
    "ja;q=0, en": "en",
  };
  const tags = {};
  for (const [header, language] of Object.entries(cases)) {
    const answer = await ask(url, "/", { "Accept-Language": header });
    assert.equal(answer.headers.get("content-language"), language, header);
    assert.match(answer.headers.get("vary"), /accept-language/i, header);
    assert.equal(await answer.text(), plain.replace('<html lang="en">', `<html lang="${language}">`), header);
    tags[language] = answer.headers.get("etag");
  }
  assert.notEqual(tags.en, tags.ja);
});
