// As much of MessagePack as packets need; a Buffer stands as it is, so that wrong bytes can be put anywhere.

/** Encodes a value; a `Raw` is put in as it is. */
export class Raw {
  constructor(...bytes) { this.bytes = Buffer.concat(bytes.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(part)))); }
}

const head = (short, long, length) => {
  if (length < short.limit) return Buffer.from([short.base | length]);
  const bytes = Buffer.from([long, 0, 0, 0, 0]);
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

export function encode(value) {
  if (value instanceof Raw) return value.bytes;
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === "number") {
    if (Number.isInteger(value) && value >= 0 && value < 128) return Buffer.from([value]);
    const bytes = Buffer.alloc(9);
    bytes[0] = 0xcb;
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === "bigint") {
    const bytes = Buffer.alloc(9);
    bytes[0] = 0xcf;
    bytes.writeBigUInt64BE(value, 1);
    return bytes;
  }
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    return Buffer.concat([head({ base: 0xa0, limit: 32 }, 0xdb, bytes.length), bytes]);
  }
  if (Buffer.isBuffer(value)) return Buffer.concat([head({ base: 0, limit: 0 }, 0xc6, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head({ base: 0x90, limit: 16 }, 0xdd, value.length), ...value.map(encode)]);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Buffer.concat([head({ base: 0x80, limit: 16 }, 0xdf, members.length), ...members.flatMap(([name, member]) => [encode(name), encode(member)])]);
}
