import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

/** An upstream of prices that keeps the URLs it was asked for. */
async function priceServer() {
  const urls: string[] = [];
  const hidden = new Set<string>();
  let hold: Promise<void> | undefined;
  const server = createServer(async (request, response) => {
    urls.push(request.url!);
    await hold;
    const [, market] = request.url!.split('/');
    const names = new URL(request.url!, 'http://x').searchParams.get('symbols')!.split(',');
    const records = names.filter((name) => !hidden.has(name)).map((symbol) => ({ symbol, market, price: 1 }));
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: records }));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    urls,
    hidden,
    holdBack() {
      let release = () => {};
      hold = new Promise((resolve) => (release = resolve));
      return release;
    },
  };
}

describe('a server with a batch', () => {
  it('asks once for all topics that are read at a time, and for those apart whose other parameters differ', async () => {
    const upstream = await priceServer();
    const { url } = await startServer({
      sources: [
        {
          topic: 'price/{market}/{symbol}',
          every: '1h',
          batch: { url: `${upstream.url}/{market}/prices?symbols={symbol}`, by: 'symbol', select: '/data' },
          transform: (record) => ({ of: record }),
        },
      ],
    });
    const read = async (topic: string) => (await fetch(`${url}/topics/price/${topic}`)).json();
    const values = await Promise.all(['x/A', 'x/B', 'x/a:b', 'y/A'].map(read));
    expect(values[1]).toEqual({ of: { symbol: 'B', market: 'x', price: 1 } });
    expect(values[2]).toEqual({ of: { symbol: 'a:b', market: 'x', price: 1 } });
    expect(values[3]).toEqual({ of: { symbol: 'A', market: 'y', price: 1 } });
    const asked = upstream.urls.flatMap((text) =>
      new URL(text, 'http://x').searchParams
        .get('symbols')!
        .split(',')
        .map((name) => text.split('/')[1] + name),
    );
    expect(asked.toSorted()).toEqual(['xA', 'xB', 'xa:b', 'yA']);
    expect(upstream.urls.every((text) => !text.includes('a:b'))).toBe(true);
  });

  it('tells of a topic that is left out, and shows its requests in the metrics and as tasks', async () => {
    const upstream = await priceServer();
    upstream.hidden.add('B');
    const { url } = await startServer({
      sources: [
        {
          topic: 'price/{symbol}',
          every: '1h',
          batch: { url: `${upstream.url}/p?symbols={symbol}`, by: 'symbol', select: '/data' },
        },
      ],
    });
    const missing = await fetch(`${url}/topics/price/B`);
    expect(missing.status).toBe(503);
    expect(await missing.text()).toContain(`${upstream.url}/p left it out`);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('headwater_batch_requests_total{topic="price/{symbol}"} 1\n');
    expect(metrics).toContain('headwater_batch_missing{topic="price/{symbol}"} 1\n');

    const release = upstream.holdBack();
    const reading = fetch(`${url}/topics/price/C`);
    await until(async () => {
      const tasks = await (await fetch(`${url}/debug/tasks`, { headers: { accept: 'text/plain' } })).text();
      expect(tasks).toContain('fetch price/{symbol}');
    });
    release();
    expect((await reading).status).toBe(200);
  });
});
