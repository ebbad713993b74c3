import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineReader, TOO_LONG } from '../../server/edge/line-reader.js';

/** All lines of some chunks, taken as they come. */
function read(chunks: readonly Uint8Array[], maxBytes = 8) {
  const reader = createLineReader(maxBytes);
  const lines: (string | typeof TOO_LONG)[] = [];
  const take = () => {
    for (let line = reader.next(); line !== undefined; line = reader.next()) lines.push(line);
  };
  for (const chunk of chunks) {
    reader.push(chunk);
    take();
  }
  reader.finish();
  take();
  return lines;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('a line reader', () => {
  it.each([
    ['a\nb\r\nc', ['a', 'b', 'c']],
    ['\n\r\n', ['', '']],
    ['', []],
    ['12345678\n', ['12345678']],
    ['12345678\r\n', ['12345678']],
    ['123456789\nok', [TOO_LONG, 'ok']],
    [`${'x'.repeat(100)}\r\nok\n`, [TOO_LONG, 'ok']],
    ['x'.repeat(100), [TOO_LONG]],
    ['a\rb\n', ['a\rb']],
    ['12345678\r', ['12345678']],
    ['123456789\r', [TOO_LONG]],
  ])('makes of %j %j', (text, lines) => {
    expect(read([bytes(text)])).toEqual(lines);
  });

  it('finds the same lines however the bytes are cut', () => {
    const text = fc
      .array(fc.constantFrom('\n', '\r', '\r\n', 'a', 'bcd', 'efghijkl'), { maxLength: 30 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(9), { maxLength: 40 }), (whole, sizes) => {
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(bytes(whole.slice(at, at + size)));
          at += size;
        }
        chunks.push(bytes(whole.slice(at)));
        expect(read(chunks)).toEqual(read([bytes(whole)]));
      }),
    );
  });
});
