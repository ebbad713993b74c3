import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../shared/json.js';
import type { ServerMessage } from '../../shared/messages.js';
import { AWKWARD_TEXTS } from '../support/awkward-texts.js';
import { openEventStream } from '../support/clients.js';
import { json } from '../support/json-arbitrary.js';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

interface Parsed {
  id: string | undefined;
  event: string | undefined;
  data: string;
}

/** What the common parser makes of a stream that comes in these pieces. */
function parse(pieces: readonly Uint8Array[]): { events: Parsed[]; retries: number[] } {
  const parsed: { events: Parsed[]; retries: number[] } = { events: [], retries: [] };
  const parser = createParser({
    onEvent: ({ id, event, data }) => parsed.events.push({ id, event, data }),
    onRetry: (milliseconds) => parsed.retries.push(milliseconds),
    onError: (error) => {
      throw error;
    },
  });
  const decoder = new TextDecoder();
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }));
  return parsed;
}

/** The bytes, cut at places that are given as shares of their length: within characters, too. */
function cutAt(bytes: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const places = shares.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

const text = fc.oneof(fc.constantFrom(...AWKWARD_TEXTS), fc.string({ unit: 'binary', maxLength: 40 }));
const value: fc.Arbitrary<Json> = fc.oneof(
  text,
  json(),
  fc.dictionary(text, text, { maxKeys: 3 }) as fc.Arbitrary<Json>,
);
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

describe.each(POLICIES)('the framing of event streams on %s', (loop) => {
  it.each([
    ['one topic', (n: number) => `/topics/log/${n}`],
    ['several topics', (n: number) => `/sse?topic=log/${n}&topic=board/${n}`],
  ])('gives a parser all of any values, however a stream of %s is cut into pieces', async (_, pathOf) => {
    const server = await startServer({
      loop,
      limits: { topics: 0 },
      topics: [{ topic: 'log/{n}', kind: 'event' }, { topic: 'board/{n}' }],
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 6 }), cuts, async (values, shares) => {
        round += 1;
        const stream = await openEventStream(server.url + pathOf(round));
        for (const one of values) server.headwater.topic(`log/${round}`, 'event').append(one);
        for (let n = 0; n < values.length; n++) await stream.inbox.next();
        const bytes = Buffer.from(stream.text());
        stream.close();

        const { events, retries } = parse(cutAt(bytes, shares));
        expect(events).toEqual(parse([bytes]).events);
        expect(retries).toHaveLength(1);
        expect(events.map(({ event }) => event)).toEqual(values.map(() => undefined));
        const messages = events.map(({ data }) => JSON.parse(data) as ServerMessage & { event: Json });
        expect(
          messages.map(({ type, version }: { type: string; version?: number }) => [type, version]),
        ).toEqual(values.map((_, index) => ['event', index + 1]));
        // As text, since equality of objects is lenient about `__proto__` and -0.
        expect(messages.map(({ event }) => JSON.stringify(event))).toEqual(
          values.map((one) => JSON.stringify(one)),
        );
      }),
      { numRuns: 100 },
    );
  });
});
