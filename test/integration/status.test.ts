import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SERVER_NAME } from '../../server/edge/context.js';
import type { Json } from '../../shared/json.js';
import { POLICIES } from '../support/policies.js';
import { AUTHORIZED, startServer } from '../support/server.js';

describe('the name a server gives itself', () => {
  it('carries the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(SERVER_NAME).toBe(`headwater/${version}`);
  });
});

describe.each(POLICIES)('status and pages on %s', (loop) => {
  it('is ready once every source that always runs has been asked, failing or not', async () => {
    let answer: (value: Json) => void = () => {};
    const slow = () => new Promise<Json>((resolve) => (answer = resolve));
    const failing = () => Promise.reject(new Error('a secret of the upstream'));
    const server = await startServer({
      loop,
      sources: [
        { topic: 'slow', every: '1h', when: 'always', fetch: slow },
        { topic: 'failing', every: '1h', when: 'always', fetch: failing },
        { topic: 'asleep', every: '1h', fetch: () => 1 },
      ],
    });
    const ready = () => fetch(`${server.url}/readyz`);
    await expect.poll(async () => (await (await ready()).json()).detail).toMatch(/first answer of: slow$/);
    expect((await ready()).status).toBe(503);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    answer(1);
    await expect.poll(async () => (await ready()).status).toBe(200);
    expect(await (await ready()).json()).toEqual({ status: 'ready', stale: ['failing'] });
    const failed = await fetch(`${server.url}/topics/failing`);
    expect(failed.status).toBe(503);
    expect(await failed.text()).not.toContain('secret');
  });

  it('fetches now when asked to, many calls at once as one, and only for those who may', async () => {
    let fetches = 0;
    const answers: (() => void)[] = [];
    const server = await startServer({
      loop,
      topics: [{ topic: 'published' }],
      sources: [
        {
          topic: 'counted',
          every: '1h',
          fetch: () => {
            fetches += 1;
            return new Promise((resolve) => answers.push(() => resolve({ fetches })));
          },
        },
      ],
    });
    const refresh = (topic: string, headers: Record<string, string> = AUTHORIZED) =>
      fetch(`${server.url}/refresh/${topic}`, { method: 'POST', headers });
    const calls = Promise.all(Array.from({ length: 20 }, () => refresh('counted')));
    await expect.poll(() => answers.length).toBe(1);
    // A call that arrives after this answer begins a fetch of its own, which is answered too.
    const answering = setInterval(() => answers.splice(0).forEach((answer) => void answer()), 100);
    for (const response of await calls) {
      expect(await response.json()).toMatchObject({ topic: 'counted', asOf: expect.any(String) });
    }
    clearInterval(answering);
    expect(fetches).toBeLessThan(10);
    const asked = fetches;
    expect((await refresh('counted', {})).status).toBe(401);
    expect((await refresh('nothing')).status).toBe(404);
    expect((await refresh('published')).status).toBe(400);
    expect(fetches).toBe(asked);
  });

  it('tells subscribers that asked for progress that a source was asked and nothing changed', async () => {
    const server = await startServer({ loop, sources: [{ topic: 'still', every: '50ms', fetch: () => 1 }] });
    const controller = new AbortController();
    const response = await fetch(`${server.url}/topics/still?progress=10`, {
      headers: { accept: 'text/event-stream' },
      signal: controller.signal,
    });
    let text = '';
    for await (const chunk of response.body!) {
      text += new TextDecoder().decode(chunk as Uint8Array);
      if ((text.match(/"type":"checked","topic":"still","asOf":"/g) ?? []).length >= 2) break;
    }
    expect(text.match(/"type":"value"/g)).toHaveLength(1);
    controller.abort();
  });

  it('shows its metrics to Prometheus', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'a' }, { topic: 'b' }] });
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
    const text = await response.text();
    expect(text).toMatch(/^headwater_topics 2$/m);
    expect(text).toMatch(/^headwater_connections 0$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  });

  it('serves its pages with validators and a policy that lets nothing foreign run', async () => {
    const server = await startServer({ loop });
    const page = await fetch(server.url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await page.text();
    const script = /src="\.?(\/assets\/[^"]+\.js)"/.exec(html)![1]!;
    const asset = await fetch(server.url + script);
    expect(asset.headers.get('cache-control')).toContain('immutable');
    const etag = page.headers.get('etag')!;
    for (const held of [etag, `W/${etag}`, `"of another build", ${etag}`, '*']) {
      expect((await fetch(server.url, { headers: { 'if-none-match': held } })).status).toBe(304);
    }
    expect((await fetch(server.url, { headers: { 'if-none-match': '"of another build"' } })).status).toBe(
      200,
    );
    expect((await fetch(`${server.url}/sse.html`)).status).toBe(200);
  });

  it('takes headers as large as a token in a cookie makes them, up to 16 KiB', async () => {
    const server = await startServer({ loop });
    const status = async (bytes: number) =>
      (await fetch(`${server.url}/healthz`, { headers: { cookie: `token=${'x'.repeat(bytes)}` } })).status;
    expect(await status(12_000)).toBe(200);
    expect(await status(20_000)).toBe(431);
  });

  it.each([
    ['GET', '/nothing', 404],
    ['DELETE', '/nothing', 404],
    ['GET', '/../package.json', 404],
    ['GET', '/assets/..%2f..%2fpackage.json', 404],
    ['DELETE', '/topics/a', 405],
    ['POST', '/topics', 405],
    ['GET', '/refresh/a', 405],
    ['GET', '/ws', 426],
  ])('answers %s %s with a problem document', async (method, path, status) => {
    const server = await startServer({ loop, topics: [{ topic: 'a' }] });
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status, code: 'bad_request', detail: expect.any(String) });
    if (status === 405) expect(response.headers.get('allow')).toMatch(/[A-Z]+/);
  });
});
