// WebSocket: one packet a message, binary as it is.
//
// Spec: Engine.IO v4, "WebSocket".

import { byteLength, decodeText, encodeText, isBlob, type BinaryData, type Packet } from "../packet.js";
import { address, notAPacket, TransportError, type Route, type Transport, type TransportEvents } from "../transport.js";

export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  writable = false;
  private socket: WebSocket | undefined;

  constructor(
    private readonly route: Route,
    public events: TransportEvents,
  ) {}

  open(): void {
    const { route } = this;
    const { transportOptions, protocols, extraHeaders } = route.options;
    const given = transportOptions.websocket?.WebSocket;
    const url = address(route, "ws", "websocket");
    route.stats.requests++;
    let socket: WebSocket;
    try {
      socket = given
        ? new given(url, [...protocols], { headers: extraHeaders })
        : new WebSocket(url, [...protocols]);
    } catch (error) {
      this.events.onclose(new TransportError("websocket: none can be made here", error));
      return;
    }
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.writable = true;
      this.events.onopen();
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      const { data } = event;
      route.stats.bytesDown += byteLength(data);
      const packet: Packet<ArrayBuffer> | null = typeof data === "string" ? decodeText(data) : { type: "message", data };
      if (packet) this.events.onpacket(packet);
      else this.end(notAPacket(this.name, data));
    };
    socket.onclose = (event) => this.end(undefined, event);
    socket.onerror = (event) => this.end(new TransportError("websocket: the connection failed", event));
  }

  send(packets: Packet[]): void {
    const { route, socket } = this;
    this.writable = false;
    for (const packet of packets) {
      const message = encodeMessage(packet, route.options.forceBase64);
      route.stats.bytesUp += byteLength(message);
      socket!.send(message as string);
    }
    // Not at once: what a caller sends in one go would otherwise be told drained in the middle of it.
    queueMicrotask(() => {
      if (this.socket !== socket) return;
      this.writable = true;
      this.events.ondrain();
    });
  }

  close(): void {
    this.release()?.close();
  }

  private end(error?: TransportError, description?: unknown): void {
    const socket = this.release();
    if (!socket) return;
    socket.close();
    this.events.onclose(error, description);
  }

  private release(): WebSocket | undefined {
    const { socket } = this;
    this.socket = undefined;
    this.writable = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // The `ws` package throws where an error finds no listener.
      socket.onerror = () => {};
    }
    return socket;
  }
}

// A view is sent as the window that it is, a Blob when its bytes are there; neither loses its turn.
function encodeMessage(packet: Packet, base64: boolean): string | BinaryData {
  const { type, data } = packet;
  return typeof data === "object" && (isBlob(data) || !base64) ? data : encodeText(type, data);
}
