import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder, type StreamFormat } from '../../server/source/stream/decoder.js';
import type { Pushed } from '../../server/source/stream/push-source.js';
import { createReconnect } from '../../server/source/stream/reconnect.js';

function decode(format: StreamFormat, pieces: readonly Buffer[], maxBytes = 1e6): Pushed[] {
  const pushed: Pushed[] = [];
  const push = (item: Pushed) => void pushed.push(item);
  const decoder = createDecoder(format, { label: 'x', maxBytes, onRetry: () => {}, push });
  for (const piece of pieces) decoder.feed(piece);
  decoder.end();
  return pushed;
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

describe('a stream cut anywhere says the same', () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  it.each<[StreamFormat, string]>([
    ['ndjson', '\n'],
    ['ndjson', '\r\n'],
    ['sse', '\n'],
    ['sse', '\r\n'],
    ['sse', '\r'],
  ])('%s with line ends %j', (format, end) => {
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (values, places) => {
          const text = values
            .map((item, i) => {
              const line = JSON.stringify(item);
              return format === 'sse'
                ? `: c${end}id: ${i}é${end}data: ${line}${end}${end}`
                : `${end}${line}${end}`;
            })
            .join('');
          const pushed = decode(format, cutAt(Buffer.from(text), places));
          const messages = pushed.flatMap((item) => (item.kind === 'message' ? [item] : []));
          expect(messages.map((item) => item.value)).toEqual(
            values.map((item) => JSON.parse(JSON.stringify(item))),
          );
          expect(messages.map(({ at }) => at)).toEqual(
            values.map((_, i) => (format === 'sse' ? `${i}é` : undefined)),
          );
          expect(pushed.filter(({ kind }) => kind === 'alive')).toHaveLength(values.length);
        },
      ),
    );
  });
});

it('a message up to the bound is taken, and one above it ends the connection, however it is cut', () => {
  for (const [format, text] of [
    ['ndjson', `"${'x'.repeat(98)}"\n`],
    ['sse', `data: "${'x'.repeat(92)}"\n\n`],
  ] as const) {
    const pieces = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    expect(decode(format, pieces, 100)).toHaveLength(1);
    expect(() => decode(format, pieces, 99)).toThrow('more than 99 bytes; raise maxBytes');
    expect(() => decode(format, [Buffer.from(text)], 90)).toThrow('more than 90 bytes');
  }
});

it('a line that is no UTF-8 is a fault, and the next one counts', () => {
  const pushed = decode('ndjson', [Buffer.from([0x22, 0xc3, 0x28, 0x22, 0x0a, 0x31, 0x0a])]);
  expect(pushed.map(({ kind }) => kind)).toEqual(['fault', 'message']);
});

describe('the wait before the next connection', () => {
  const waits = (random: number, count: number, pause?: number, orderly = false) => {
    const reconnect = createReconnect({ random: () => random });
    return Array.from({ length: count }, () => {
      if (orderly) reconnect.opened(0);
      reconnect.ended(0, { orderly, pause, retryAfter: undefined });
      return reconnect.notBefore;
    });
  };

  it('is random below a limit that doubles up to 30 s', () => {
    expect(waits(1, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(waits(0, 3)).toEqual([0, 0, 0]);
  });

  it('is at least what the upstream asked for, within bounds', () => {
    expect(waits(0, 2, 3_000)).toEqual([3_000, 3_000]);
    expect(waits(1, 3, 3_000)).toEqual([6_000, 9_000, 15_000]);
    expect(waits(0, 1, 0)).toEqual([100]);
    expect(waits(0, 1, 1e9)).toEqual([60_000]);
  });

  it('does not grow while the upstream is polled, nor after a connection that stood', () => {
    expect(waits(1, 3, 1_000, true)).toEqual([2_000, 2_000, 2_000]);
    const reconnect = createReconnect({ random: () => 1 });
    for (let i = 0; i < 5; i++)
      reconnect.ended(0, { orderly: false, pause: undefined, retryAfter: undefined });
    reconnect.opened(0);
    reconnect.ended(5_000, { orderly: false, pause: undefined, retryAfter: 7_000 });
    expect(reconnect.notBefore).toBe(12_000);
  });
});
