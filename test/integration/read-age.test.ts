import { describe, expect, it } from 'vitest';
import { POLICIES } from '../support/policies.js';
import { startServer } from '../support/server.js';

describe.each(POLICIES)('how old an answer may be on %s', (loop) => {
  /** A source that counts its fetches, may be asked any time, and is asked by itself only once an hour. */
  async function serve() {
    let fetches = 0;
    const server = await startServer({
      loop,
      sources: [{ topic: 'n', every: 1, maxAge: '1h', fetch: () => ++fetches }],
    });
    return {
      read: async (cacheControl?: string) => {
        const headers = new Headers(cacheControl === undefined ? [] : [['cache-control', cacheControl]]);
        const response = await fetch(`${server.url}/topics/n`, { headers });
        expect(response.status).toBe(200);
        return await response.json();
      },
      url: server.url,
    };
  }

  it.each(['no-cache', 'max-age=0', 'Max-Age="0", no-transform'])('is tightened by %s', async (header) => {
    const { read } = await serve();
    expect(await read()).toBe(1);
    // No sooner than a millisecond later, which is the interval.
    await expect.poll(() => read(header), { interval: 2 }).toBe(2);
  });

  it.each([undefined, 'max-age=600', 'max-age=7200', 'max-stale=5', 'max-age=-1', 'max-age', 'no-cache-x'])(
    'is the source’s own, or looser, with %s',
    async (header) => {
      const { read } = await serve();
      expect(await read()).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      expect(await read(header)).toBe(1);
    },
  );

  it('may be said by pages of other origins', async () => {
    const { url } = await serve();
    const preflight = await fetch(`${url}/topics/n`, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('cache-control');
  });
});
