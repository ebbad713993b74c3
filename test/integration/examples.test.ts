import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../server/config/load.js';
import type { Json } from '../../shared/json.js';
import type { PatchMessage } from '../../shared/messages.js';
import { runScript } from '../support/cli.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { startServer } from '../support/server.js';

interface Earthquakes {
  metadata: { generated: number; count: number };
  features: { id: string }[];
}

/** A week of real earthquakes as the US Geological Survey served them. */
function recordedEarthquakes(): Earthquakes {
  const path = new URL('../../node_modules/vega-datasets/data/earthquakes.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Earthquakes;
}

/** Replays the record as its feed would have shown it: each answer has one earthquake more, the newest first. */
async function replayEarthquakes(): Promise<string> {
  const record = recordedEarthquakes();
  let shown = 1_700;
  const feed = createServer((_, response) => {
    shown = Math.min(shown + 1, record.features.length);
    const features = record.features.slice(-shown);
    const metadata = { ...record.metadata, generated: record.metadata.generated + shown, count: shown };
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ ...record, metadata, features }));
  }).listen(0, '127.0.0.1');
  await once(feed, 'listening');
  onTestFinished(() => {
    feed.close();
    feed.closeAllConnections();
  });
  return `http://127.0.0.1:${(feed.address() as AddressInfo).port}/all_hour.geojson`;
}

describe('the example', () => {
  it('earthquakes sends a feed of 1.2 MB once, then only what shook since', async () => {
    const { config } = await loadConfig({
      file: 'examples/earthquakes/headwater.config.yaml',
      environment: {},
    });
    const [source] = config.sources;
    expect(source!.fetch).toMatchObject({ url: expect.stringContaining('earthquake.usgs.gov') });
    const fetch = { url: await replayEarthquakes() };
    const server = await startServer({ ...config, sources: [{ ...source!, every: '100ms', fetch }] });
    const { inbox, frames, say } = await openWebSocket(server.wsUrl);
    say({ type: 'subscribe', topic: 'earthquakes' });
    const value = await inbox.nextWhere((message) => message.type === 'value');
    const { features } = (value as unknown as { value: Earthquakes }).value;
    for (let n = 0; n < 3; n++) {
      const message = await inbox.nextWhere(({ type }) => type === 'patch');
      const { patch } = message as PatchMessage;
      // As many as shook since, which are several where this client was too busy to take each.
      const added = patch.filter(({ op }) => op === 'add').length;
      expect(added).toBeGreaterThan(0);
      expect(JSON.stringify(message).length).toBeLessThan(added * 2_000);
    }
    expect(JSON.stringify(frames[2]).length).toBeGreaterThan(1_000_000);
    expect(features.length).toBeGreaterThan(1_000);
  });

  it('function source runs, builds on what it had, and stops with the server', async () => {
    const { config } = await loadConfig({
      file: 'examples/function-source/headwater.config.ts',
      environment: {},
    });
    const server = await startServer(config);
    const dice = await openEventStream(`${server.url}/topics/dice`);
    const seen: { count: number; mean: number }[] = [];
    while (seen.length < 3) {
      const { message } = await dice.inbox.next();
      if (message.type === 'value') seen.push(message.value as never);
    }
    expect(seen.map(({ count }) => count)).toEqual([1, 2, 3]);
    const folder = (await (await fetch(`${server.url}/topics/folder`)).json()) as Json;
    expect(folder).toEqual({ files: ['headwater.config.ts'] });
  });

  it('express serves the application and the live topic on one port', async () => {
    const program = runScript('examples/express/server.js', [], { env: { PORT: '0' } });
    onTestFinished(() => void program.process.kill('SIGKILL'));
    const [url] = await program.says(/http:\S+/);
    const stream = await openEventStream(`${url}/live/topics/visitors`);
    expect((await stream.inbox.next()).message).toMatchObject({ type: 'value', value: { count: 0 } });
    expect(await (await fetch(url)).text()).toContain('You were counted');
    expect((await stream.inbox.next()).message).toMatchObject({ version: 2, value: { count: 1 } });
    const { inbox } = await openWebSocket(`${url.replace('http', 'ws')}/live/ws`);
    expect((await inbox.next()).type).toBe('hello');
    program.process.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    await stream.inbox.nextWhere(({ message }) => message.type === 'drain');
  });
});
