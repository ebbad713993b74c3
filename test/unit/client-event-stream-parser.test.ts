import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEventStreamParser } from '../../shared/client/event-stream-parser.js';

interface Seen {
  events: { data: string; id: string }[];
  types: string[];
  ids: string[];
  retries: number[];
}

function parse(...pieces: string[]): Seen {
  const seen: Seen = { events: [], types: [], ids: [], retries: [] };
  const feed = createEventStreamParser({
    event(data, id, type) {
      seen.events.push({ data, id });
      seen.types.push(type);
    },
    id: (id) => seen.ids.push(id),
    retry: (milliseconds) => seen.retries.push(milliseconds),
  });
  for (const piece of pieces) feed(piece);
  return seen;
}

describe('the event stream parser', () => {
  test('gives an event at the blank line that ends it', () => {
    expect(parse('data: a\n').events).toEqual([]);
    expect(parse('data: a\n\n').events).toEqual([{ data: 'a', id: '' }]);
  });

  test('goes on with the id of the connection before, until the stream gives another or takes it back', () => {
    const ids: string[] = [];
    const feed = createEventStreamParser(
      { event: (_data, id) => ids.push(`event ${id}`), id: (id) => ids.push(`id ${id}`) },
      undefined,
      '7',
    );
    feed('\n: hello\n\ndata: a\n\nid\n\ndata: b\n\nid: 8\n\n');
    expect(ids).toEqual(['event 7', 'id ', 'event ', 'id 8']);
  });

  test('joins data lines and takes one space off each', () => {
    expect(parse('data: a\ndata:b\ndata:  c\ndata\n\n').events).toEqual([{ data: 'a\nb\n c\n', id: '' }]);
  });

  test('takes LF, CR and CRLF as line ends, also where a piece ends between CR and LF', () => {
    expect(parse('data: a\r', '\n\r', '\ndata: b\r\rdata: c\n\n').events.map((event) => event.data)).toEqual([
      'a',
      'b',
      'c',
    ]);
  });

  test('keeps the last event id until another comes, and clears it on an empty one', () => {
    expect(parse('id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n').events).toEqual([
      { data: 'a', id: '1' },
      { data: 'b', id: '1' },
      { data: 'c', id: '' },
    ]);
  });

  test('tells of a block that only moves the id', () => {
    expect(parse('id: e:4\n\nid: e:5\n\n')).toMatchObject({ events: [], ids: ['e:4', 'e:5'], retries: [] });
  });

  test('ignores an id with a NUL, a retry that is no number, comments and unknown fields', () => {
    const seen = parse('id: a\0b\nretry: 1s\nretry: 250\n: comment\nfoo: bar\nevent: x\ndata: d\n\n');
    expect(seen).toEqual({ events: [{ data: 'd', id: '' }], types: ['x'], ids: [], retries: [250] });
  });

  test('agrees with a reference parser on any stream cut anywhere', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '',
        '',
        'data',
        'data:',
        'data: ',
        'id',
        'id:',
        ':',
        ': hi',
        'event: x',
        'event:',
        'foo: bar',
      ),
      fc.string({ maxLength: 8, unit: 'grapheme' }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
      fc.string({ maxLength: 8 }).map((text) => `id:${text.replace(/[\r\n\0]/g, '')}`),
      fc.nat(100_000).map((milliseconds) => `retry: ${milliseconds}`),
    );
    const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 40 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400), { maxLength: 12 }), (lines, cuts) => {
        const text = `${lines.map(([content, end]) => content + end).join('')}: the end\n`;
        const expected: { data: string[]; types: string[]; retries: number[] } = {
          data: [],
          types: [],
          retries: [],
        };
        const reference = createParser({
          onEvent(event) {
            expected.data.push(event.data);
            expected.types.push(event.event ?? 'message');
          },
          onRetry: (milliseconds) => expected.retries.push(milliseconds),
        });
        reference.feed(text);

        const places = [0, ...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, index) => text.slice(places[index], end));
        const seen = parse(...pieces);
        const { events, types, retries } = seen;
        expect({ data: events.map((event) => event.data), types, retries }).toEqual(expected);
        expect(seen).toEqual(parse(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test('reads a long line that comes in many pieces in linear time', () => {
    const piece = 'x'.repeat(1_000);
    const pieces = ['data: ', ...Array.from({ length: 5_000 }, () => piece), '\n\n'];
    expect(parse(...pieces).events[0]?.data).toHaveLength(5_000_000);
  });
});
