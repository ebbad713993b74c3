/** Opcodes of RFC 6455 section 5.2 that a server sends by itself. */
export const OPCODE = { text: 0x1, binary: 0x2, ping: 0x9 } as const;

const FIN = 0x80;
const LENGTH_16_BIT = 126;
const LENGTH_64_BIT = 127;
const NOTHING = new Uint8Array(0);

/** One unfragmented, unmasked frame (RFC 6455 section 5.2), header and payload in one piece of memory. */
export function serverFrame(opcode: number, payload: Uint8Array = NOTHING): Buffer {
  const frame = emptyFrame(opcode, payload.length);
  frame.set(payload, frame.length - payload.length);
  return frame;
}

/** The same of a text, encoded straight into the frame. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = emptyFrame(OPCODE.text, length);
  frame.write(text, frame.length - length);
  return frame;
}

function emptyFrame(opcode: number, length: number): Buffer {
  const header = length < LENGTH_16_BIT ? 2 : length <= 0xffff ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = FIN | opcode;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = LENGTH_16_BIT;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = LENGTH_64_BIT;
    frame.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    frame.writeUInt32BE(length >>> 0, 6);
  }
  return frame;
}
