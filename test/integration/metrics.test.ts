import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pipeline } from '../../server/source/pipeline.js';
import { openEventStream, openWebSocket } from '../support/clients.js';
import { type MetricFamily, parseExposition } from '../support/exposition.js';
import { json, upstream } from '../support/http-upstream.js';
import { POLICIES, type PolicyName } from '../support/policies.js';
import { AUTHORIZED, startServer } from '../support/server.js';

/** A name that breaks a careless text format. */
const AWKWARD = 'a "b"\\n{c="d"}\nheadwater_topics 7';

async function scrape(url: string): Promise<Map<string, MetricFamily>> {
  return parseExposition(await (await fetch(`${url}/metrics`)).text());
}

/** The value of one series; `undefined` if there is none. */
function sampleOf(families: Map<string, MetricFamily>, name: string, labels: Record<string, string> = {}) {
  const series = families.get(name.replace(/_(bucket|sum|count)$/, '')) ?? families.get(name);
  return series?.series.find(
    (one) =>
      one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
  )?.value;
}

/** A server with something of everything that has metrics. */
async function startRich(loop: PolicyName) {
  const dir = await mkdtemp(join(tmpdir(), 'headwater-metrics-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const api = await upstream();
  api.answer = (request, response) =>
    json(request.url!.includes('ids=') ? '[{"id":"a","n":1}]' : '{"n":1}')(request, response);
  const server = await startServer({
    loop,
    metrics: { perTopic: true },
    tcp: { echo: { port: 0 }, race: { port: 0 } },
    state: { dir: join(dir, 'state') },
    hosts: { [new URL(api.url).host]: { budget: '100000/day' } },
    topics: [{ topic: 'board' }, { topic: 'other' }, { topic: 'log/{name}', kind: 'event' }],
    sources: [
      {
        topic: 'one',
        every: '1h',
        when: 'always',
        fetch: { url: api.url },
        sinks: [{ file: join(dir, 'one.json') }],
      },
      {
        topic: 'two',
        every: '1h',
        when: 'always',
        fetch: { strategy: 'first', urls: [api.url, `${api.url}?b`] },
      },
      { topic: 'bad', every: '1h', when: 'always', fetch: () => Promise.reject(new Error('no')) },
      { topic: 'by/{city}', every: '1h', fetch: () => 1 },
      { topic: 'many/{id}', every: '1h', batch: { url: `${api.url}?ids={id}`, by: 'id' } },
    ],
  });
  const running = pipeline<number>({ name: AWKWARD })
    .stage('double', (n) => n * 2)
    .start();
  onTestFinished(() => running.end());
  await running.put(1);
  return server;
}

describe.each(POLICIES)('the metrics of a server on %s', (loop) => {
  it('are well formed, whatever names stand in them', async () => {
    const server = await startRich(loop);
    server.headwater.topic('a~b:c@d').set(1);
    const families = await scrape(server.url);
    expect(sampleOf(families, 'headwater_topic_version', { topic: 'a~b:c@d' })).toBeDefined();
    expect(sampleOf(families, 'headwater_pipeline_in_total', { pipeline: AWKWARD, stage: 'double' })).toBe(1);
    for (const [name, { type, help }] of families) {
      if (!name.startsWith('headwater_')) continue;
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help, name).toMatch(/^[A-Z0-9]/);
    }
  });

  it('say what runs', async () => {
    const server = await startServer({ loop });
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const labels = { version, loop, node: process.versions.node };
    expect((await scrape(server.url)).get('headwater_build_info')?.series).toEqual([
      { name: 'headwater_build_info', labels, value: 1 },
    ]);
  });

  it('count connections by how they came', async () => {
    const server = await startRich(loop);
    const open = async (transport: string) =>
      sampleOf(await scrape(server.url), 'headwater_transport_connections', { transport });
    for (const transport of ['websocket', 'sse', 'long-poll', 'race', 'echo'])
      expect(await open(transport), transport).toBe(0);

    const { socket, closed } = await openWebSocket(server.wsUrl);
    const stream = await openEventStream(`${server.url}/topics/board`);
    server.headwater.topic('board').set(1);
    await stream.inbox.next();
    const etag = (await fetch(`${server.url}/topics/board`)).headers.get('etag')!;
    const leaving = new AbortController();
    const headers = { 'if-none-match': etag, prefer: 'wait=30' };
    const waiting = fetch(`${server.url}/topics/board`, { headers, signal: leaving.signal }).catch(
      () => 'left',
    );
    const [, echo, race] = server.headwater.listeners.map(({ port }) => port);
    const sockets = [connect(echo!, '127.0.0.1'), connect(race!, '127.0.0.1')];
    await Promise.all(sockets.map((one) => once(one, 'connect')));
    for (const transport of ['websocket', 'sse', 'long-poll', 'race', 'echo'])
      await expect.poll(() => open(transport), { message: transport }).toBe(1);

    leaving.abort();
    stream.close();
    socket.close();
    for (const one of sockets) one.destroy();
    await Promise.all([closed, waiting]);
    for (const transport of ['websocket', 'sse', 'long-poll', 'race', 'echo'])
      await expect.poll(() => open(transport), { message: transport }).toBe(0);
  });

  it('count each flush and each fetch in a histogram of how long it took', async () => {
    let fetches = 0;
    const fetchOne = () => {
      fetches += 1;
      if (fetches === 2) throw new Error('the second fails');
      return fetches;
    };
    const server = await startServer({ loop, sources: [{ topic: 'one', every: '1h', fetch: fetchOne }] });
    const refresh = () => fetch(`${server.url}/refresh/one`, { method: 'POST', headers: AUTHORIZED });
    for (let round = 0; round < 3; round++) await refresh();
    const families = await scrape(server.url);
    expect(sampleOf(families, 'headwater_fetch_duration_seconds_count')).toBe(3);
    expect(sampleOf(families, 'headwater_fetch_duration_seconds_sum')).toBeGreaterThan(0);
    const flushes = sampleOf(families, 'headwater_flushes_total');
    expect(sampleOf(families, 'headwater_flush_duration_seconds_count')).toBe(flushes);
    expect(sampleOf(families, 'headwater_flush_duration_seconds_sum')).toBe(
      sampleOf(families, 'headwater_flush_seconds_total'),
    );
  });

  it('tell the age of what somebody watches, and of nothing else', async () => {
    const server = await startServer({
      loop,
      topics: [{ topic: 'published' }],
      sources: [
        { topic: 'watched', every: '1h', fetch: () => 1 },
        { topic: 'asleep', every: '1h', fetch: () => 1 },
      ],
    });
    server.headwater.topic('published').set(1);
    await fetch(`${server.url}/topics/asleep`);
    await expect
      .poll(async () => (await scrape(server.url)).get('headwater_data_age_seconds')?.series)
      .toEqual([]);
    await openEventStream(`${server.url}/topics/published`);
    const { inbox } = await openEventStream(`${server.url}/topics/watched`);
    await inbox.next();
    const families = await scrape(server.url);
    const ages = families.get('headwater_data_age_seconds')!.series;
    expect(ages.map(({ labels }) => labels.quantile)).toEqual(['0.5', '0.9', '0.99', '1']);
    for (const { value } of ages) expect(value).toBeGreaterThanOrEqual(0);
    expect(sampleOf(families, 'headwater_subscribers')).toBe(2);
  });

  it('name no topic unless asked to', async () => {
    const server = await startServer({ loop, topics: [{ topic: 'a-name-of-its-own' }] });
    const stream = await openEventStream(`${server.url}/topics/a-name-of-its-own`);
    server.headwater.topic('a-name-of-its-own').set(1);
    await stream.inbox.next();
    expect(await (await fetch(`${server.url}/metrics`)).text()).not.toContain('a-name-of-its-own');
  });

  it('name a thousand topics where asked to, and count further ones together', async () => {
    const server = await startServer({ loop, metrics: { perTopic: true }, topics: [{ topic: 'other' }] });
    for (let n = 1; n < 1_010; n++) server.headwater.topic(`t/${n}`).set(n);
    const first = await openEventStream(`${server.url}/topics/t/1`);
    const further = await openEventStream(`${server.url}/sse?topic=t/1008&topic=t/1009`);
    await Promise.all([first.inbox.next(), further.inbox.next()]);
    const families = await scrape(server.url);
    const of = (name: string, topic: string) => sampleOf(families, `headwater_topic_${name}`, { topic });
    for (const name of ['version', 'subscribers', 'stale'])
      expect(families.get(`headwater_topic_${name}`)?.series).toHaveLength(1_001);
    expect([of('version', 't/1'), of('subscribers', 't/1'), of('stale', 't/1')]).toEqual([1, 1, 0]);
    expect([of('version', 't/999'), of('version', 't/1000')]).toEqual([1, undefined]);
    expect([of('version', '(other)'), of('subscribers', '(other)')]).toEqual([10, 2]);
    expect([of('version', 'other'), of('age_seconds', 'other')]).toEqual([0, undefined]);
    expect(of('age_seconds', '(other)')).toBeGreaterThanOrEqual(0);
  });

  it('of two servers in a process do not mix', async () => {
    const [one, two] = await Promise.all([
      startServer({ loop, topics: [{ topic: 'a' }] }),
      startServer({ loop, topics: [{ topic: 'a' }, { topic: 'b' }] }),
    ]);
    const topics = async (url: string) => sampleOf(await scrape(url), 'headwater_topics');
    expect([await topics(one.url), await topics(two.url)]).toEqual([1, 2]);
  });
});

describe('what is written about the metrics', () => {
  const page = readFileSync('docs/operations.md', 'utf8');
  const dashboard = JSON.parse(readFileSync('docs/grafana-dashboard.json', 'utf8')) as Dashboard;

  it('names every one that there is, and none that there is not', async () => {
    const server = await startRich('libuv');
    const named = new Set(namesIn(page));
    const rendered = [...(await scrape(server.url)).keys()].filter((name) => name.startsWith('headwater_'));
    expect([...named].sort()).toEqual(rendered.sort());
  });

  it('names none in other pages that there is not', async () => {
    const server = await startRich('libuv');
    const families = await scrape(server.url);
    for (const name of ['sources', 'configuration', 'protocol', 'loops', 'performance', 'architecture']) {
      for (const metric of namesIn(readFileSync(`docs/${name}.md`, 'utf8')))
        expect(families.has(metric), `${metric} in ${name}.md`).toBe(true);
    }
  });

  it('holds in the Grafana dashboard: every metric that it asks for is there, with the labels that it uses', async () => {
    const server = await startRich('libuv');
    await openEventStream(`${server.url}/sse?topic=one&topic=by/oslo&topic=many/a`);
    await expect.poll(async () => sampleOf(await scrape(server.url), 'headwater_batch_instances')).toBe(1);
    const families = await scrape(server.url);
    const asked = expressionsOf(dashboard);
    expect(asked.length).toBeGreaterThan(50);
    for (const { expr, legendFormat } of asked) {
      const labels = new Set(['instance']);
      const metrics = expr.match(/\b(headwater|nodejs|process)_[a-z0-9_]+/g)!;
      for (const metric of metrics) {
        const family = families.get(metric) ?? families.get(metric.replace(/_(bucket|sum|count)$/, ''));
        expect(family, `${metric} in ${expr}`).toBeDefined();
        const series = family!.series.filter(({ name }) => name === metric);
        // The collector of garbage may not have run yet.
        if (!metric.startsWith('nodejs_gc')) expect(series, `${metric} in ${expr}`).not.toEqual([]);
        for (const one of series) for (const label of Object.keys(one.labels)) labels.add(label);
        if (metric.startsWith('nodejs_gc')) labels.add('kind');
      }
      const grouping = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', '));
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      for (const label of [...grouping, ...shown])
        expect([...labels], `${label} in ${expr}`).toContain(label);
    }
  });

  it('asks for every metric of Headwater somewhere in the dashboard', async () => {
    const server = await startRich('libuv');
    const text = expressionsOf(dashboard)
      .map(({ expr }) => expr)
      .join('\n');
    for (const name of (await scrape(server.url)).keys())
      if (name.startsWith('headwater_')) expect(text).toContain(name);
  });

  it('is a dashboard that Grafana takes: places that do not overlap, ids that do not repeat, a data source to choose', () => {
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ]);
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ type }) => type === 'row').map(({ title }) => title)).toEqual([
      'Clients',
      'Delivery',
      'Freshness',
      'Sources and hosts',
      'Sinks, state and pipelines',
      'Process',
    ]);
    const cells = new Set<string>();
    for (const { gridPos, title } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), title).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
    for (const { datasource, targets = [] } of panels) {
      if (targets.length === 0) continue;
      for (const source of [datasource, ...targets.map((target) => target.datasource)])
        expect(source).toEqual({ type: 'prometheus', uid: expect.stringMatching(/^\$\{datasource\}$/) });
    }
  });
});

/** The metrics of Headwater that a page names. */
function namesIn(page: string): string[] {
  return [...page.matchAll(/`(headwater_[a-z0-9_]+)`/g)].map(([, name]) => name!);
}

interface Target {
  expr: string;
  legendFormat: string;
  datasource: unknown;
}

interface Dashboard {
  schemaVersion: number;
  templating: { list: { name: string; type: string }[] };
  panels: {
    id: number;
    type: string;
    title: string;
    datasource?: unknown;
    gridPos: { x: number; y: number; w: number; h: number };
    targets?: Target[];
  }[];
}

function expressionsOf({ panels }: Dashboard): Target[] {
  return panels.flatMap(({ targets = [] }) => targets);
}
