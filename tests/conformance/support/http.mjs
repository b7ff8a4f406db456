// Plain requests, and upgrade requests whose refusal is read byte for byte.

import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { PATIENCE, within } from "./time.mjs";

/** The key of RFC 6455, section 1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** One request on a connection of its own; gives `{ status, headers, text }`. */
export function request(server, target, { method = "GET", headers = {}, body = undefined, limit = PATIENCE } = {}) {
  const answer = new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: server.host, port: server.port, path: target, method, headers, agent: false },
      (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
  return within(limit, answer, `the answer to ${method} ${target}`);
}

/** Opens a GET that can be dropped before it is answered. */
export function pendingRequest(server, target) {
  const sent = httpRequest({ host: server.host, port: server.port, path: target, agent: false });
  sent.on("error", () => {}); // dropping it is the point
  sent.end();
  return sent;
}

/**
 * Sends the head of an upgrade request and reads what comes until the server ends the connection, or has
 * answered 101. Gives the answer as it stood on the wire, and whether the connection was ended.
 */
export function rawUpgrade(server, target, headers = {}) {
  const fields = {
    Host: `${server.host}:${server.port}`,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    ...headers,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined);
  const head = `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  const answer = new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.port }, () => socket.write(head));
    let text = "";
    const finish = (ended) => {
      socket.destroy();
      const [top, ...rest] = text.split("\r\n\r\n");
      const [status, ...names] = top.split("\r\n");
      const fields = names.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]);
      resolve({ status: Number(status.split(" ")[1]), headers: Object.fromEntries(fields), text: rest.join("\r\n\r\n"), ended });
    };
    socket.on("data", (part) => {
      text += part.toString("latin1");
      if (text.startsWith("HTTP/1.1 101") && text.includes("\r\n\r\n")) finish(false);
    });
    socket.on("end", () => finish(true));
    socket.on("error", reject);
  });
  return within(PATIENCE, answer, `the answer to the upgrade request ${target}`);
}
