// What goes over the wire, drawn as it happens: this window above, the server below, time to the left. A request falls from the one to
// the other and its answer rises again; while it is open, the space between is filled. A message is a dot: hollow up, full down.

import { text, write } from "./strings.js";
import { tap } from "./tap.js";

const span = 12_000; // ms in the picture
/** How far this window's end lies below the upper edge of the picture, and the server's above the lower, px. */
export const ends = 26;
const told = 2_000; // ms between two descriptions in words
const still = 1_000; // ms between pictures where motion is not wanted

export class Wire {
  #canvas;
  #via;
  #drawn = 0;
  #told = 0;
  #quiet = matchMedia("(prefers-reduced-motion: reduce)");

  /** Draws on `canvas` from now on; `via()` names the technique for those who do not see it. */
  constructor(canvas, via) {
    this.#canvas = canvas;
    this.#via = via;
    const frame = (at) => {
      if (at - this.#drawn >= (this.#quiet.matches ? still : 30)) this.#draw(at);
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #draw(at) {
    this.#drawn = at;
    const canvas = this.#canvas;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);

    const style = getComputedStyle(canvas);
    const color = (name) => style.getPropertyValue(name).trim();
    const now = performance.now();
    const right = width - 10;
    const x = (time) => right - ((now - time) / span) * right;
    const above = ends;
    const below = height - ends;

    // Seconds, faint.
    pen.strokeStyle = color("--wire-grid");
    pen.lineWidth = 1;
    const second = 2_000;
    for (let time = now - (now % second); time > now - span; time -= second) line(pen, x(time), above, x(time), below);

    for (const request of tap.requests) {
      if (request.end < now - span) continue;
      const from = Math.max(x(request.start), -2);
      const to = Math.min(x(request.end), right);
      pen.strokeStyle = pen.fillStyle = color(`--via-${request.via}`) || color("--wire-ink");
      const socket = request.via === "websocket";
      pen.globalAlpha = socket ? 0.3 : 0.22;
      if (request.method !== "POST") pen.fillRect(from, above, to - from, below - above);
      pen.globalAlpha = 1;
      pen.lineWidth = 2;
      line(pen, from, above, from, below);
      if (request.end <= now) line(pen, to, above, to, below);
    }

    // The two ends, over all.
    pen.lineWidth = 2;
    pen.strokeStyle = color("--wire-ink");
    line(pen, 0, above, right, above);
    line(pen, 0, below, right, below);

    const middle = (above + below) / 2;
    const lane = (below - above) * 0.22;
    for (const packet of tap.packets) {
      if (packet.at < now - span) continue;
      const radius = packet.message ? 4.5 : 1.8;
      pen.beginPath();
      pen.arc(x(packet.at), packet.up ? middle - lane : middle + lane, radius, 0, 7);
      pen.fillStyle = packet.up ? color("--wire-paper") : color("--wire-ink");
      pen.fill();
      pen.lineWidth = packet.message ? 2 : 1;
      pen.strokeStyle = color("--wire-ink");
      pen.stroke();
    }

    pen.fillStyle = color("--wire-muted");
    pen.font = `12px ${style.fontFamily}`;
    pen.textBaseline = "bottom";
    pen.fillText(text("wire.window"), 16, above - 6);
    pen.textBaseline = "top";
    pen.fillText(text("wire.server"), 2, below + 7);
    pen.textAlign = "right";
    pen.fillText(text("wire.now"), right, below + 7);
    pen.fillText("-6 s", x(now - span / 2) + 12, below + 7);
    pen.textAlign = "left";

    if (at - this.#told > told) this.#tell(now, at);
  }

  #tell(now, at) {
    this.#told = at;
    const recent = tap.packets.filter((packet) => packet.message && packet.at > now - span);
    write(
      this.#canvas,
      "wire.picture",
      {
        via: { key: this.#via() },
        requests: tap.requests.filter(({ start, end, via }) => via !== "websocket" && start < now && end > now - span).length,
        up: recent.filter((packet) => packet.up).length,
        down: recent.filter((packet) => !packet.up).length,
      },
      "label",
    );
  }
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
