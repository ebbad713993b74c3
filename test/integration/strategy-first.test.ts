import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { httpStrategy } from '../../server/source/strategy/http-strategy.js';
import type { Json } from '../../shared/json.js';
import { upstreams } from '../support/commanded-upstream.js';
import { until } from '../support/scripted-servers.js';
import { strategy } from '../support/strategy.js';

describe('the strategy first', () => {
  it('takes the first answer, and has closed the sockets of the others when it is there', async () => {
    const servers = await upstreams(3);
    const [a, b, c] = servers;
    const racing = strategy({ strategy: 'first', urls: servers.map(({ url }) => url) });
    const { stackTraceLimit } = Error;
    const answer = racing.fetch();
    await Promise.all([a!.request(0), c!.request(0)]);
    (await b!.request(0)).answer({ from: 'b' });
    expect(await answer).toEqual({ from: 'b' });
    await until(() => expect([a!.asked[0]!.aborted, c!.asked[0]!.aborted]).toEqual([true, true]));
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect(racing.source.stats!().map(({ wins, losses }) => ({ wins, losses }))).toEqual([
      { wins: 0, losses: 1 },
      { wins: 1, losses: 0 },
      { wins: 0, losses: 1 },
    ]);
  });

  it('waits for a good answer where a fast one is empty', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], accept: '/rates' });
    const answer = racing.fetch();
    (await a!.request(0)).answer({ rates: null });
    await until(() => expect(racing.counts(0)).toEqual({ failures: 1 }));
    (await b!.request(0)).answer({ rates: { eur: 1 } });
    expect(await answer).toEqual({ rates: { eur: 1 } });
  });

  it('lets a function say what is good, and counts one that throws as a no', async () => {
    const [a, b, c] = await upstreams(3);
    const accept = (value: Json) => (value as { list: { length: number } }).list.length > 0;
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url, c!.url], accept });
    const answer = racing.fetch();
    (await a!.request(0)).answer({ list: [] });
    (await b!.request(0)).answer({});
    await until(() =>
      expect([racing.counts(0), racing.counts(1)]).toEqual([{ failures: 1 }, { failures: 1 }]),
    );
    (await c!.request(0)).answer({ list: [1] });
    expect(await answer).toEqual({ list: [1] });
  });

  it('tells the reason of each when all fail, and no secret of any', async () => {
    const [a, b] = await upstreams(2);
    const urls = [
      `${a!.url.replace('//', '//user:hunter2@')}?key=hunter2`,
      `${b!.url}?token=hunter2`,
      'http://127.0.0.1:1/q?key=hunter2',
    ];
    const racing = strategy({ strategy: 'first', urls, headers: { 'x-key': 'hunter2' }, accept: '/n' });
    const answer = racing.fetch();
    answer.catch(() => {});
    (await a!.request(0)).status(503);
    (await b!.request(0)).answer({});
    const error = await answer.catch((thrown: Error) => thrown as Error & { code: string });
    expect(error).toMatchObject({ code: 'source_failed' });
    const { message } = error as Error;
    expect(message).toMatch(/^none of 3 URLs gave a good answer: /);
    expect(message).toContain(`${a!.url} answered with status 503`);
    expect(message).toContain(`${b!.url} answered without /n`);
    expect(message).toContain('http://127.0.0.1:1/q refused the connection');
    expect(message + racing.source.label + JSON.stringify(racing.source.stats!())).not.toContain('hunter2');
  });

  it('asks each whether its own answer still stands, and takes a 304 for that answer', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], hedge: 50 });
    const one = racing.fetch();
    (await a!.request(0)).answer({ from: 'a' }, { etag: '"a1"' });
    expect(await one).toEqual({ from: 'a' });

    const two = racing.fetch();
    (await a!.request(1)).status(503);
    (await b!.request(0)).answer({ from: 'b' }, { etag: '"b1"' });
    expect(await two).toEqual({ from: 'b' });
    expect(b!.asked[0]!.headers['if-none-match']).toBeUndefined();

    // a failed last, so b is asked first: what it gave is what the topic holds.
    const three = racing.fetch();
    (await b!.request(1)).status(304);
    expect(await three).toBe('unchanged');

    const four = racing.fetch();
    (await b!.request(2)).status(503);
    const again = await a!.request(2);
    expect(again.headers['if-none-match']).toBe('"a1"');
    again.status(304);
    expect(await four).toEqual({ from: 'a' });
  });

  it('aborts all of them and waits for it when it is called off', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url] });
    const controller = new AbortController();
    const answer = racing.fetch(controller.signal);
    answer.catch(() => {});
    await Promise.all([a!.request(0), b!.request(0)]);
    const reason = new Error('the server stops');
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    await until(() => expect([a!.asked[0]!.aborted, b!.asked[0]!.aborted]).toEqual([true, true]));
    expect([racing.counts(0), racing.counts(1)]).toEqual([{}, {}]);
  });
});

describe('a hedge', () => {
  it('asks the next one only once the one before is slow', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], hedge: 50 });
    const answer = racing.fetch();
    await a!.request(0);
    await racing.clock.advance(49);
    expect(racing.counts(1)).toEqual({});
    await racing.clock.advance(1);
    expect(racing.counts(1)).toEqual({ hedges: 1 });
    (await b!.request(0)).answer({ from: 'b' });
    expect(await answer).toEqual({ from: 'b' });
    await until(() => expect(a!.asked[0]!.aborted).toBe(true));
    expect([racing.counts(0), racing.counts(1)]).toEqual([{ losses: 1 }, { wins: 1, hedges: 1 }]);
    expect(racing.clock.pending).toBe(0);
  });

  it('asks nobody else where the first is fast', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], hedge: 50 });
    const answer = racing.fetch();
    (await a!.request(0)).answer(1);
    expect(await answer).toBe(1);
    expect(racing.clock.pending).toBe(0);
    expect(b!.asked).toEqual([]);
  });

  it('does not wait where the one before failed, and calls that no hedge', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], hedge: 50 });
    const answer = racing.fetch();
    (await a!.request(0)).status(500);
    (await b!.request(0)).answer(2);
    expect(await answer).toBe(2);
    expect([racing.counts(0), racing.counts(1)]).toEqual([{ failures: 1 }, { wins: 1 }]);
  });

  it('spends at most three at once, and one more after ten requests', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], hedge: 50 });
    const fetchSlowly = async (turn: number) => {
      const answer = racing.fetch();
      const asked = await a!.request(turn);
      await racing.clock.advance(60);
      asked.answer(turn);
      expect(await answer).toBe(turn);
    };
    for (let turn = 0; turn < 12; turn++) await fetchSlowly(turn);
    // Each request earned a tenth of one; the fourth comes with the tenth that is not over the bound.
    expect(racing.counts(1)).toMatchObject({ hedges: 4 });
    for (let turn = 12; turn < 32; turn++) await fetchSlowly(turn);
    expect(racing.counts(1)).toMatchObject({ hedges: 6 });
  });

  it('takes its delay from what 95 of 100 answers took', async () => {
    const [a, b] = await upstreams(2);
    const racing = strategy({ strategy: 'first', urls: [a!.url, b!.url], hedge: 'p95' });
    for (const [turn, took] of [10, 10, 10, 10, 10, 10, 10, 10, 10, 40].entries()) {
      const answer = racing.fetch();
      const asked = await a!.request(turn);
      await racing.clock.advance(took);
      asked.answer(turn);
      await answer;
    }
    expect(racing.counts(1)).toEqual({});
    const answer = racing.fetch();
    await a!.request(10);
    await racing.clock.advance(39);
    expect(racing.counts(1)).toEqual({});
    await racing.clock.advance(1);
    expect(racing.counts(1)).toEqual({ hedges: 1 });
    (await b!.request(0)).answer('b');
    expect(await answer).toBe('b');
  });

  it('works on the real clock', async () => {
    const [a, b] = await upstreams(2);
    const client = createHttpClient();
    onTestFinished(() => client.close());
    const source = httpStrategy(client, { strategy: 'first', urls: [a!.url, b!.url], hedge: 5 }, systemClock);
    const answer = source.fetch({ signal: new AbortController().signal, previous: undefined });
    (await b!.request(0)).answer('b');
    expect(await answer).toEqual({ kind: 'value', value: 'b' });
  });
});
