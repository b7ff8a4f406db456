// What the address given to `io()` says.

/** The parts of an address. */
export interface Target {
  /** TLS or not. */
  readonly secure: boolean;
  /** `name[:port]`, the port only when it is not the scheme's own. */
  readonly host: string;
  /** The namespace: the path, `/` when there is none. */
  readonly namespace: string;
  /** The query's parameters, absent when there is none. */
  readonly query?: Record<string, string>;
}

/**
 * Reads `https://host:port/namespace?query`, with the page's own address for what is left out (`/namespace`,
 * `//host`, `host:port`). The namespace is taken letter by letter, never percent-encoded.
 */
export function readAddress(uri = ""): Target {
  const page: { protocol: string; host: string } | undefined = typeof location === "object" ? location : undefined;
  // A worker made from a blob, or a page from a file, has no host of its own.
  const scheme = page && /^http/.test(page.protocol) ? page.protocol : "https:";
  if (uri.startsWith("//")) uri = scheme + uri;
  else if (!uri || uri.startsWith("/")) uri = `${scheme}//${page?.host || ""}${uri}`;
  else if (!/^(https?|wss?):\/\//.test(uri)) uri = `${scheme}//${uri}`;
  const [, protocol, host, path, query] = /^(\w+):\/\/(?:[^/?#]*@)?([^/?#]*)([^?#]*)(?:\?([^#]*))?/.exec(uri)!;
  if (!host) throw new TypeError(`no host in the address ${JSON.stringify(uri)}`);
  const secure = protocol === "https" || protocol === "wss";
  return {
    secure,
    host: host.replace(secure ? /:443$/ : /:80$/, ""),
    namespace: path || "/",
    ...(query && { query: Object.fromEntries(new URLSearchParams(query)) }),
  };
}
