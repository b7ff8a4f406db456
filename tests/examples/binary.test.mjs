import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, ask, example, next } from "./support/example.mjs";

const binary = example("binary");
const bytes = Buffer.from([0, 1, 2, 127, 128, 255]);

test("bytes inside an argument come back as bytes, to everybody and in acknowledgements", { timeout: PATIENCE }, async () => {
  const [ada, bob] = await Promise.all([binary.connected(), binary.connected()]);
  assert.deepEqual(await asked(ada, "look"), [null, null]);
  const shown = [ada, bob].map((socket) => next(socket, "picture"));
  ada.emit("hang", { title: "Sunflowers", image: bytes });
  assert.deepEqual(await Promise.all(shown), Array(2).fill([{ title: "Sunflowers", image: bytes }]));
  assert.deepEqual(await asked(bob, "look"), ["Sunflowers", bytes]);
});

for (const transport of ["polling", "websocket"]) {
  test(`a picture of 2 MB comes through over ${transport}`, async () => {
    const socket = await binary.connected("/", { transports: [transport] });
    const image = Buffer.alloc(2_000_000, "pixels");
    const shown = next(socket, "picture");
    socket.emit("hang", { title: "large", image });
    const [picture] = await shown;
    assert.ok(image.equals(picture.image));
  });
}

/** All arguments of an acknowledgement; `emitWithAck` gives the first. */
function asked(socket, event) {
  return new Promise((resolve) => socket.emit(event, (...answer) => resolve(answer)));
}
