import { describe, expect, it } from 'vitest';
import { upstreams } from '../support/commanded-upstream.js';
import { until } from '../support/scripted-servers.js';
import { strategy } from '../support/strategy.js';

const messageOf = (failing: Promise<unknown>) =>
  failing.then(
    (value) => `no error: ${JSON.stringify(value)}`,
    (error: Error) => error.message,
  );

describe('the strategy all', () => {
  it('gathers the answers under their names', async () => {
    const [a, b] = await upstreams(2);
    const gathering = strategy({ strategy: 'all', urls: { eu: a!.url, us: b!.url } });
    const answer = gathering.fetch();
    (await b!.request(0)).answer(2);
    (await a!.request(0)).answer(1);
    expect(await answer).toEqual({ eu: 1, us: 2 });
    expect([gathering.counts(0), gathering.counts(1)]).toEqual([{ wins: 1 }, { wins: 1 }]);
  });

  it('makes a list of a list, in its order', async () => {
    const [a, b] = await upstreams(2);
    const gathering = strategy({ strategy: 'all', urls: [a!.url, b!.url] });
    const answer = gathering.fetch();
    (await b!.request(0)).answer('b');
    (await a!.request(0)).answer('a');
    expect(await answer).toEqual(['a', 'b']);
  });

  it('fails when one fails, says which, and aborts the others', async () => {
    const [a, b] = await upstreams(2);
    const gathering = strategy({ strategy: 'all', urls: { eu: a!.url, us: b!.url } });
    const failure = messageOf(gathering.fetch());
    await a!.request(0);
    (await b!.request(0)).status(500);
    expect(await failure).toBe(
      `not all of 2 URLs gave a good answer; us: ${b!.url} answered with status 500`,
    );
    await until(() => expect(a!.asked[0]!.aborted).toBe(true));
    expect([gathering.counts(0), gathering.counts(1)]).toEqual([{ losses: 1 }, { failures: 1 }]);
  });

  it('keeps the part that a 304 stands for, and is unchanged where all stand', async () => {
    const [a, b] = await upstreams(2);
    const gathering = strategy({ strategy: 'all', urls: { eu: a!.url, us: b!.url } });
    const one = gathering.fetch();
    (await a!.request(0)).answer(1, { etag: '"a"' });
    (await b!.request(0)).answer(2, { etag: '"b"' });
    await one;
    const two = gathering.fetch();
    (await a!.request(1)).status(304);
    (await b!.request(1)).answer(3, { etag: '"c"' });
    expect(await two).toEqual({ eu: 1, us: 3 });
    const three = gathering.fetch();
    (await a!.request(2)).status(304);
    (await b!.request(2)).status(304);
    expect(await three).toBe('unchanged');
  });

  it('keeps each part from going backwards by itself', async () => {
    const [a, b] = await upstreams(2);
    const gathering = strategy({ strategy: 'all', urls: { eu: a!.url, us: b!.url }, newer: '/t' });
    const one = gathering.fetch();
    (await a!.request(0)).answer({ t: 5 });
    (await b!.request(0)).answer({ t: 5 });
    await one;
    const two = gathering.fetch();
    (await a!.request(1)).answer({ t: 4 });
    (await b!.request(1)).answer({ t: 6 });
    expect(await two).toEqual({ eu: { t: 5 }, us: { t: 6 } });
  });
});

describe('the strategy fallback', () => {
  it('asks the next one only when the one before failed', async () => {
    const [a, b, c] = await upstreams(3);
    const falling = strategy({ strategy: 'fallback', urls: [a!.url, b!.url, c!.url] });
    const one = falling.fetch();
    (await a!.request(0)).status(500);
    (await b!.request(0)).answer('b');
    expect(await one).toBe('b');
    // Back to the first one at once: it is the preferred one.
    const two = falling.fetch();
    (await a!.request(1)).answer('a');
    expect(await two).toBe('a');
    expect(c!.asked).toEqual([]);
    expect([falling.counts(0), falling.counts(1)]).toEqual([{ wins: 1, failures: 1 }, { wins: 1 }]);
  });

  it('goes on after one that gives no complete answer in time', async () => {
    const [a, b] = await upstreams(2);
    const falling = strategy({ strategy: 'fallback', urls: [a!.url, b!.url], timeout: 500 });
    const answer = falling.fetch();
    await a!.request(0);
    await falling.clock.advance(500);
    (await b!.request(0)).answer('b');
    expect(await answer).toBe('b');
    await until(() => expect(a!.asked[0]!.aborted).toBe(true));
  });

  it('tells every reason, and asks for a pause if each of them did', async () => {
    const [a, b] = await upstreams(2);
    const falling = strategy({ strategy: 'fallback', urls: [a!.url, b!.url] });
    const failing = falling.fetch().catch((error: unknown) => error);
    (await a!.request(0)).status(503, { 'retry-after': '9' });
    (await b!.request(0)).status(429, { 'retry-after': '5' });
    expect(await failing).toMatchObject({
      code: 'source_failed',
      retryAfter: 5_000,
      message: `none of 2 URLs gave a good answer: ${a!.url} answered with status 503; ${b!.url} answered with status 429`,
    });
  });

  it('asks nobody any more once it is called off', async () => {
    const [a, b] = await upstreams(2);
    const falling = strategy({ strategy: 'fallback', urls: [a!.url, b!.url] });
    const controller = new AbortController();
    const failing = messageOf(falling.fetch(controller.signal));
    await a!.request(0);
    controller.abort(new Error('the server stops'));
    expect(await failing).toBe('the server stops');
    expect(b!.asked).toEqual([]);
  });
});

describe('the strategy quorum', () => {
  it('gives what enough agree on, apart from what they need not agree on', async () => {
    const [a, b, c] = await upstreams(3);
    const urls = [a!.url, b!.url, c!.url];
    const voting = strategy({ strategy: 'quorum', need: 2, urls, ignore: ['/meta/at', '/list/0'] });
    const answer = voting.fetch();
    (await c!.request(0)).answer({ rate: 2, meta: { at: 1 }, list: [1, 7] });
    (await b!.request(0)).answer({ rate: 1, meta: { at: 2 }, list: [2, 7] });
    await until(() => expect([b!.asked.length, c!.asked.length]).toEqual([1, 1]));
    (await a!.request(0)).answer({ rate: 1, meta: { at: 3 }, list: [3, 7] });
    expect(await answer).toEqual({ rate: 1, meta: { at: 3 }, list: [3, 7] });
  });

  it('does not wait for the rest once enough agree', async () => {
    const [a, b, c] = await upstreams(3);
    const voting = strategy({ strategy: 'quorum', need: 2, urls: [a!.url, b!.url, c!.url] });
    const answer = voting.fetch();
    await c!.request(0);
    (await a!.request(0)).answer(1);
    (await b!.request(0)).answer(1);
    expect(await answer).toBe(1);
    await until(() => expect(c!.asked[0]!.aborted).toBe(true));
    expect([voting.counts(0), voting.counts(1), voting.counts(2)]).toEqual([
      { wins: 1 },
      { wins: 1 },
      { losses: 1 },
    ]);
  });

  it('fails with a dispute that says how many agreed, and counts who disagreed', async () => {
    const [a, b, c] = await upstreams(3);
    const voting = strategy({ strategy: 'quorum', need: 2, urls: [a!.url, b!.url, c!.url] });
    const failure = messageOf(voting.fetch());
    (await a!.request(0)).answer(1);
    (await b!.request(0)).answer(2);
    (await c!.request(0)).status(500);
    expect(await failure).toBe(
      `no quorum: 2 of 3 URLs answered, 1 agree where 2 must: ${c!.url} answered with status 500`,
    );
    expect([voting.counts(0), voting.counts(1), voting.counts(2)]).toEqual([
      { disputes: 1 },
      { disputes: 1 },
      { failures: 1 },
    ]);
  });

  it('gives up as soon as too few are left to agree', async () => {
    const [a, b, c] = await upstreams(3);
    const voting = strategy({ strategy: 'quorum', need: 3, urls: [a!.url, b!.url, c!.url] });
    const failure = messageOf(voting.fetch());
    await c!.request(0);
    (await a!.request(0)).answer(1);
    (await b!.request(0)).answer(2);
    expect(await failure).toMatch(/^no quorum: 2 of 3 URLs answered, 1 agree where 3 must$/);
    await until(() => expect(c!.asked[0]!.aborted).toBe(true));
  });

  it('counts a 304 as the vote that it stands for', async () => {
    const [a, b] = await upstreams(2);
    const voting = strategy({ strategy: 'quorum', need: 2, urls: [a!.url, b!.url] });
    const one = voting.fetch();
    (await a!.request(0)).answer(1, { etag: '"1"' });
    (await b!.request(0)).answer(1);
    expect(await one).toBe(1);
    const two = messageOf(voting.fetch());
    (await a!.request(1)).status(304);
    (await b!.request(1)).answer(2);
    expect(await two).toMatch(/^no quorum: 2 of 2 URLs answered, 1 agree/);
  });
});

describe('one URL', () => {
  it('may say what is good and what is newer, too', async () => {
    const [a] = await upstreams(1);
    const single = strategy({ url: a!.url, accept: '/n', newer: '/t' });
    const one = single.fetch();
    (await a!.request(0)).answer({ n: 1, t: '2024-05-01T10:00:00Z' });
    expect(await one).toMatchObject({ n: 1 });
    const two = single.fetch();
    (await a!.request(1)).answer({ n: 2, t: '2024-05-01T11:30:00+02:00' });
    expect(await two).toBe('unchanged');
    const three = messageOf(single.fetch());
    (await a!.request(2)).answer({ t: '2024-05-01T11:00:00Z' });
    expect(await three).toBe(`${a!.url} answered without /n`);
    const four = messageOf(single.fetch());
    (await a!.request(3)).answer({ n: 3 });
    expect(await four).toBe(`${a!.url} answered without a number or text at /t`);
    const five = messageOf(single.fetch());
    (await a!.request(4)).answer({ n: 3, t: 'yesterday' });
    expect(await five).toBe(`${a!.url} has a /t that cannot be compared with the one before`);
  });
});
