import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/**
 * The file is a row of records: the length of the text in bytes and its CRC-32 (ISO 3309, as in zlib), both as
 * unsigned 32-bit little-endian numbers, then the text in UTF-8.
 */
const HEADER_BYTES = 8;
/** Longer than any record that is written: a length beyond it is damage, not a reason to reserve memory. */
const MAX_RECORD_BYTES = 1024 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;
/** The buffer that is used again for every record; a bigger record gets one of its own. */
const SCRATCH_BYTES = 256 * 1024;
/** A UTF-16 code unit is at most three bytes of UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/** Makes records, one at a time. */
export interface RecordWriter {
  /** The bytes of a record. They are valid until the next call. */
  frame(text: string): Uint8Array;
}

export function createRecordWriter(): RecordWriter {
  const scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  return {
    frame(text) {
      const fits = HEADER_BYTES + text.length * MAX_BYTES_PER_UNIT <= scratch.length;
      const buffer = fits ? scratch : Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(text));
      const length = buffer.write(text, HEADER_BYTES);
      const payload = buffer.subarray(HEADER_BYTES, HEADER_BYTES + length);
      buffer.writeUInt32LE(length, 0);
      buffer.writeUInt32LE(crc32(payload), 4);
      return buffer.subarray(0, HEADER_BYTES + length);
    },
  };
}

/** Gives the texts of a file's records, and in the end whether the file was whole or breaks off in what is none. */
export async function* readRecords(file: FileHandle): AsyncGenerator<string, 'whole' | 'torn', void> {
  let buffer = Buffer.alloc(0);
  let position = 0;

  /** Whether the buffer could be filled up to `bytes`. */
  async function fill(bytes: number): Promise<boolean> {
    const parts = [buffer];
    let size = buffer.length;
    while (size < bytes) {
      const chunk = Buffer.allocUnsafe(Math.max(READ_BYTES, bytes - size));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      size += bytesRead;
      parts.push(chunk.subarray(0, bytesRead));
    }
    if (parts.length > 1) buffer = Buffer.concat(parts, size);
    return size >= bytes;
  }

  const { size } = await file.stat();
  for (;;) {
    if (!(await fill(HEADER_BYTES))) return buffer.length === 0 ? 'whole' : 'torn';
    const length = buffer.readUInt32LE(0);
    const checksum = buffer.readUInt32LE(4);
    const left = size - position + buffer.length - HEADER_BYTES;
    // A disk that lost its power may hold zeros where a record was meant to be.
    if (length === 0 || length > MAX_RECORD_BYTES || length > left) return 'torn';
    if (!(await fill(HEADER_BYTES + length))) return 'torn';
    const payload = buffer.subarray(HEADER_BYTES, HEADER_BYTES + length);
    if (crc32(payload) !== checksum) return 'torn';
    buffer = buffer.subarray(HEADER_BYTES + length);
    yield payload.toString();
  }
}
