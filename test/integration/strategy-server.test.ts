import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../server/config/parse.js';
import { redactConfig } from '../../server/config/redact.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { startServer } from '../support/server.js';

/** An upstream that answers each path with what it has there, and 404 to others. */
async function upstream(documents: Record<string, unknown>): Promise<string> {
  const server = createServer((request, response) => {
    const document = documents[request.url!.split('?', 1)[0]!];
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a server with strategies', () => {
  it('serves what they bring, and shows how each URL fared', async () => {
    const base = await upstream({ '/a': { n: 1 }, '/b': { n: 2 }, '/c': { n: 1 } });
    const urls = ['/gone', '/a', '/c'].map((path) => `${base}${path}?key=hunter2`);
    const server = await startServer({
      sources: [
        { topic: 'one', every: '1h', fetch: { strategy: 'fallback', urls } },
        { topic: 'agreed', every: '1h', fetch: { strategy: 'quorum', need: 2, urls } },
        { topic: 'board', every: '1h', fetch: { strategy: 'all', urls: { x: urls[1]!, y: `${base}/b` } } },
        { topic: 'plain', every: '1h', fetch: `${base}/a` },
      ],
    });
    const read = async (topic: string) => (await fetch(`${server.url}/topics/${topic}`)).json();
    expect(await read('one')).toEqual({ n: 1 });
    expect(await read('agreed')).toEqual({ n: 1 });
    expect(await read('board')).toEqual({ x: { n: 1 }, y: { n: 2 } });
    expect(await read('plain')).toEqual({ n: 1 });

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const line = (count: string, topic: string, name: string, path: string, total: number) =>
      `headwater_url_${count}_total{topic="${topic}",name="${name}",url="${base}${path}"} ${total}\n`;
    expect(metrics).toContain(line('failures', 'one', '0', '/gone', 1));
    expect(metrics).toContain(line('wins', 'one', '1', '/a', 1));
    expect(metrics).toContain(line('hedges', 'one', '1', '/a', 0));
    expect(metrics).toContain(line('wins', 'agreed', '2', '/c', 1));
    expect(metrics).toContain(line('wins', 'board', 'y', '/b', 1));
    expect(metrics).not.toContain('topic="plain"');
    expect(metrics).not.toContain('hunter2');
  });

  it('tells clients why there is nothing, without what is secret in a URL or a header', async () => {
    const base = await upstream({});
    const urls = [`${base.replace('//', '//user:hunter2@')}/a?key=hunter2`, `${base}/b?key=hunter2`];
    const headers = { 'x-key': 'hunter2' };
    const server = await startServer({
      sources: [{ topic: 'q', every: '1h', fetch: { strategy: 'first', urls, headers } }],
    });
    const response = await fetch(`${server.url}/topics/q`);
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(text).toContain(`none of 2 URLs gave a good answer: ${base}/`);
    expect(text).toContain(`${base}/a answered with status 404`);
    expect(text).toContain(`${base}/b answered with status 404`);
    expect(text).not.toContain('hunter2');
  });
});

describe('the configuration of strategies', () => {
  const input: ConfigInput = {
    sources: [
      { topic: 'a', every: '1s', fetch: { strategy: 'first', urls: ['http://a/'], hedge: '50ms' } },
      { topic: 'b', every: '1s', fetch: { strategy: 'first', urls: ['http://a/'], hedge: 'p95' } },
      { topic: 'c', every: '1s', fetch: { strategy: 'all', urls: { eu: 'http://user:hunter2@a/' } } },
      {
        topic: 'd',
        every: '1s',
        fetch: {
          strategy: 'quorum',
          need: 1,
          urls: ['http://a/'],
          ignore: ['/at'],
          newer: '/t',
          accept: '/n',
        },
      },
      { topic: 'e', every: '1s', fetch: { strategy: 'single', url: 'http://a/', accept: () => true } },
    ],
  };

  it('reads hedges in ms, and comes back as it is once it was checked', () => {
    const config = parseConfig(input);
    expect(config.sources.slice(0, 2)).toMatchObject([{ fetch: { hedge: 50 } }, { fetch: { hedge: 'p95' } }]);
    expect(parseConfig(config)).toEqual(config);
  });

  it('is shown without the credentials in its URLs', () => {
    const shown = JSON.stringify(redactConfig(parseConfig(input), new Map()));
    expect(shown).toContain('http://(secret)@a/');
    expect(shown).not.toContain('hunter2');
  });
});
