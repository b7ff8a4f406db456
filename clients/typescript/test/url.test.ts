import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { readAddress } from "../src/url.js";

function onPage(protocol: string, host: string): void {
  Object.defineProperty(globalThis, "location", { value: { protocol, host }, configurable: true });
}

describe("an address", () => {
  afterEach(() => {
    Reflect.deleteProperty(globalThis, "location");
  });

  test("has a scheme, a host, a namespace and a query", () => {
    for (const [uri, expected] of [
      ["http://a.org", { secure: false, host: "a.org", namespace: "/" }],
      ["https://a.org:3000/", { secure: true, host: "a.org:3000", namespace: "/" }],
      ["ws://a.org/chat", { secure: false, host: "a.org", namespace: "/chat" }],
      ["wss://a.org/a/b/", { secure: true, host: "a.org", namespace: "/a/b/" }],
      ["http://[::1]:8080/x", { secure: false, host: "[::1]:8080", namespace: "/x" }],
      ["http://a.org?x=1&y=%26", { secure: false, host: "a.org", namespace: "/", query: { x: "1", y: "&" } }],
      ["http://a.org/chat?x=1#top", { secure: false, host: "a.org", namespace: "/chat", query: { x: "1" } }],
      ["http://a.org/größe", { secure: false, host: "a.org", namespace: "/größe" }],
      ["http://user:secret@a.org/x", { secure: false, host: "a.org", namespace: "/x" }],
      ["a.org:3000/chat", { secure: true, host: "a.org:3000", namespace: "/chat" }],
    ] as const) {
      assert.deepEqual(readAddress(uri), expected, uri);
    }
  });

  test("leaves out the port that is the scheme's own", () => {
    assert.equal(readAddress("http://a.org:80/").host, "a.org");
    assert.equal(readAddress("https://a.org:443/").host, "a.org");
    assert.equal(readAddress("http://a.org:443/").host, "a.org:443");
    assert.equal(readAddress("https://a.org:8443").host, "a.org:8443");
  });

  test("takes what is left out from the page", () => {
    onPage("http:", "page.org:8080");
    assert.deepEqual(readAddress(), { secure: false, host: "page.org:8080", namespace: "/" });
    assert.deepEqual(readAddress("/chat"), { secure: false, host: "page.org:8080", namespace: "/chat" });
    assert.deepEqual(readAddress("//b.org/x"), { secure: false, host: "b.org", namespace: "/x" });
    assert.deepEqual(readAddress("b.org"), { secure: false, host: "b.org", namespace: "/" });
    onPage("https:", "page.org");
    assert.deepEqual(readAddress("/?a=1"), { secure: true, host: "page.org", namespace: "/", query: { a: "1" } });
  });

  test("is an error where there is no page to take it from", () => {
    assert.throws(() => readAddress(), /no host/);
    onPage("file:", "");
    assert.throws(() => readAddress("/chat"), /no host/);
    assert.equal(readAddress("b.org").secure, true);
  });
});
