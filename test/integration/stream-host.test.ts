import { describe, expect, it, onTestFinished } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { httpStream } from '../../server/source/stream/http-stream.js';
import { follow, followStream } from '../support/followed.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';
import { streamUpstream } from '../support/stream-upstream.js';

describe('a stream and the host that it comes from', () => {
  it('takes none of its places while it stands', async () => {
    const upstream = await streamUpstream();
    upstream.answer = (request) => void request.open().write('data: 1\n\n');
    const { host } = new URL(upstream.url);
    const { url } = await startServer({
      hosts: { [host]: { concurrency: 1 } },
      sources: ['a', 'b', 'c'].map((topic) => ({ topic, when: 'always', fetch: { stream: upstream.url } })),
    });
    for (const topic of ['a', 'b', 'c'])
      await until(async () => expect(await (await fetch(`${url}/topics/${topic}`)).json()).toBe(1));
    expect(upstream.requests).toHaveLength(3);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain(
      `headwater_host_requests_total{host="${host}",outcome="2xx"} 3`,
    );
  });

  it('waits for a place until the one before has its answer', async () => {
    const upstream = await streamUpstream();
    const { host } = new URL(upstream.url);
    await startServer({
      hosts: { [host]: { concurrency: 1 } },
      sources: ['a', 'b'].map((topic) => ({ topic, when: 'always', fetch: { stream: upstream.url } })),
    });
    const first = await upstream.request(0);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(upstream.requests).toHaveLength(1);
    first.open();
    await upstream.request(1);
  });

  it('connects no more often than its budget allows', async () => {
    const upstream = await streamUpstream();
    upstream.answer = ({ response }) => void response.writeHead(200, SSE).end('retry: 100\n\ndata: 1\n\n');
    const { host } = new URL(upstream.url);
    const quotas = [{ text: '2/day', count: 2, per: 24 * 60 * 60 * 1_000 }];
    const { view, follower } = followStream({
      stream: upstream.url,
      hosts: { [host]: { concurrency: 8, quotas } },
    });
    await until(() =>
      expect(view.freshness).toMatchObject({
        error: expect.stringContaining('the budget of 2/day is used up'),
      }),
    );
    expect(upstream.requests).toHaveLength(2);
    expect(follower.stats).toMatchObject({ connects: 2, messages: 2 });
  });

  it('is asked for a pause on behalf of all who ask it', async () => {
    const upstream = await streamUpstream();
    upstream.answer = ({ response }) => void response.writeHead(429, { 'retry-after': '3600' }).end();
    const { view, client } = followStream({ stream: upstream.url });
    await until(() => expect(view.freshness.stale).toBe(true));
    const { gate } = client.hosts.at(new URL(upstream.url).origin);
    expect(gate.paused).toBeGreaterThan(3_000_000);
    expect(gate.tryEnter()).toBeUndefined();
  });

  it('is left alone while its circuit is open, and connected to as soon as it is well', async () => {
    const upstream = await streamUpstream();
    upstream.answer = (request) => void request.open().write('data: 1\n\n');
    const clock = manualClock();
    const client = createHttpClient({ clock });
    const host = client.hosts.at(new URL(upstream.url).origin);
    for (let i = 0; i < 5; i++) host.gate.leave(host.gate.tryEnter()!, 'sick');
    const { tells, tellsLast, follower } = follow(httpStream(client, { stream: upstream.url }, clock), {
      clock,
    });
    onTestFinished(async () => {
      await follower.close();
      await client.close();
    });
    await tells(expect.stringMatching(/is left alone until .* after 5 failures in a row/));
    expect(upstream.requests).toHaveLength(0);
    host.recovered();
    await clock.advance(0);
    expect(upstream.requests).toHaveLength(0);
    await clock.advance(2_000);
    await tellsLast(1);
    expect(host.gate.circuit).toBe('closed');
  });
});

const SSE = { 'content-type': 'text/event-stream' };
