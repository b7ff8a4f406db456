// WebSocket: one packet a message, binary as it is.
//
// Spec: Engine.IO v4, "WebSocket".

import { byteLength, decodeText, encodeText, isBlob, type BinaryData, type Packet } from "../packet.js";
import { address, notAPacket, TransportError, type Route, type Transport, type TransportEvents } from "../transport.js";

export function websocket(route: Route, firstEvents: TransportEvents): Transport {
  const { options, stats } = route;
  let socket: WebSocket | undefined;
  let writable = false;

  const transport: Transport = {
    name: "websocket",
    events: firstEvents,

    get writable() {
      return writable;
    },

    open() {
      const Given = options.transportOptions.websocket?.WebSocket;
      const url = address(route, "ws", "websocket");
      const protocols = [...options.protocols];
      stats.requests++;
      try {
        socket = Given ? new Given(url, protocols, { headers: options.extraHeaders }) : new WebSocket(url, protocols);
      } catch (error) {
        transport.events.onclose(new TransportError("websocket: none can be made here", error));
        return;
      }
      socket.binaryType = "arraybuffer";
      socket.onopen = () => {
        writable = true;
        transport.events.onopen();
      };
      socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
        stats.bytesDown += byteLength(data);
        const packet: Packet<ArrayBuffer> | null =
          typeof data === "string" ? decodeText(data) : { type: "message", data };
        if (packet) transport.events.onpacket(packet);
        else end(notAPacket("websocket", data));
      };
      socket.onclose = (event) => end(undefined, event);
      socket.onerror = (event) => end(new TransportError("websocket: the connection failed", event));
    },

    send(packets) {
      const own = socket;
      writable = false;
      for (const packet of packets) {
        const message = encodeMessage(packet, options.forceBase64);
        stats.bytesUp += byteLength(message);
        own!.send(message as string);
      }
      // Not at once: what a caller sends in one go would otherwise be told drained in the middle of it.
      queueMicrotask(() => {
        if (!socket) return;
        writable = true;
        transport.events.ondrain();
      });
    },

    close() {
      const own = socket;
      socket = undefined;
      writable = false;
      if (!own) return;
      own.onopen = own.onmessage = own.onclose = null;
      // The `ws` package throws where an error finds no listener.
      own.onerror = () => {};
      own.close();
    },
  };

  function end(error?: TransportError, description?: unknown): void {
    transport.close(false);
    transport.events.onclose(error, description);
  }

  return transport;
}

// A view is sent as the window that it is, a Blob when its bytes are there; neither loses its turn.
function encodeMessage({ type, data }: Packet, base64: boolean): string | BinaryData {
  return typeof data === "object" && (isBlob(data) || !base64) ? data : encodeText(type, data);
}
