import { describe, expect, it } from 'vitest';
import { type ManualClock, manualClock } from '../../server/async/manual-clock.js';
import { parseQuota } from '../../server/config/hosts.js';
import { createHosts } from '../../server/source/host/hosts.js';
import { startRefresher } from '../../server/source/refresher.js';
import type { Fetched } from '../../server/source/source.js';
import { json, upstream } from '../support/http-upstream.js';
import { until } from '../support/scripted-servers.js';
import { AUTHORIZED, startServer } from '../support/server.js';

const HOUR = 60 * 60 * 1_000;

async function metricsOf(url: string, name: string): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(`headwater_host_${name}`));
}

const refresh = (url: string, topic: string) =>
  fetch(`${url}/refresh/${topic}`, { method: 'POST', headers: AUTHORIZED });

async function reasonOf(url: string, topic: string): Promise<string> {
  return ((await (await fetch(`${url}/topics/${topic}`)).json()) as { detail: string }).detail;
}

describe('sources of one host', () => {
  it('share its concurrency', async () => {
    const server = await upstream();
    let open = 0;
    let most = 0;
    server.answer = (request, response) => {
      most = Math.max(most, ++open);
      // As many as may be are open at some time, however slowly they come.
      void until(() => expect(most).toBeGreaterThanOrEqual(2)).then(() => {
        open -= 1;
        json('1')(request, response);
      });
    };
    const { host } = new URL(server.url);
    const topics = Array.from({ length: 12 }, (_, i) => `t/${i}`);
    const { url } = await startServer({
      hosts: { [host]: { concurrency: 2 } },
      sources: topics.map((topic) => ({ topic, every: '1h', when: 'always', fetch: server.url })),
    });
    await until(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
    expect(server.requests).toHaveLength(12);
    expect(most).toBe(2);
  });

  it('share its budget: what is beyond it is told, counted, and not asked', async () => {
    const server = await upstream();
    const { host } = new URL(server.url);
    const { url } = await startServer({
      hosts: { [host]: { budget: ['100/s', '2/day'] } },
      sources: ['a', 'b', 'c'].map((topic) => ({ topic, every: '1h', fetch: server.url })),
    });
    for (const topic of ['a', 'b', 'c']) await refresh(url, topic);
    expect(server.requests).toHaveLength(2);
    expect(await reasonOf(url, 'c')).toMatch(
      new RegExp(`${host}: the budget of 2/day is used up until (?:\\d{4}-\\d\\d-\\d\\d )?\\d\\d:\\d\\d UTC`),
    );
    expect(await metricsOf(url, 'budget_left')).toContain(
      `headwater_host_budget_left{host="${host}",budget="2/day"} 0`,
    );
    expect(await metricsOf(url, 'refusals')).toEqual([`headwater_host_refusals_total{host="${host}"} 1`]);
    expect(await metricsOf(url, 'requests')).toContain(
      `headwater_host_requests_total{host="${host}",outcome="2xx"} 2`,
    );
  });

  it('count a status that HTTP does not have as a failure of the server', async () => {
    const server = await upstream();
    server.answer = ({ socket }) => void socket.end('HTTP/1.1 999 Denied\r\ncontent-length: 0\r\n\r\n');
    const { host } = new URL(server.url);
    const { url } = await startServer({ sources: [{ topic: 'a', every: '1h', fetch: server.url }] });
    await refresh(url, 'a');
    expect(await reasonOf(url, 'a')).toContain(`${server.url} answered with status 999`);
    const failed = (await metricsOf(url, 'requests')).filter((line) => !/ 0$/.test(line));
    expect(failed).toEqual([`headwater_host_requests_total{host="${host}",outcome="5xx"} 1`]);
  });

  it('are all held back when it asks one of them for a pause', async () => {
    const server = await upstream();
    server.answer = (_, response) => response.writeHead(429, { 'retry-after': '3600' }).end();
    const { host } = new URL(server.url);
    const { url } = await startServer({
      sources: ['a', 'b'].map((topic) => ({ topic, every: '1m', fetch: server.url })),
    });
    await refresh(url, 'a');
    await refresh(url, 'b');
    expect(server.requests).toHaveLength(1);
    expect(await reasonOf(url, 'b')).toMatch(`${host} asked to be left alone until`);
    expect(await metricsOf(url, 'pauses')).toEqual([`headwater_host_pauses_total{host="${host}"} 1`]);
  });

  it('that wait for their turn when the server closes are let go', async () => {
    const server = await upstream();
    server.answer = () => {};
    const { host } = new URL(server.url);
    const { headwater, url } = await startServer({
      hosts: { [host]: { concurrency: 1 } },
      sources: ['a', 'b', 'c'].map((topic) => ({ topic, every: '1h', when: 'always', fetch: server.url })),
    });
    await until(async () =>
      expect(await metricsOf(url, 'waiting')).toEqual([`headwater_host_waiting{host="${host}"} 2`]),
    );
    await headwater.close();
    await until(() => expect(server.sockets.size).toBe(0));
    expect(server.requests).toHaveLength(1);
  });
});

/** A source that only takes its turns at the gate of a host, on a clock that the test moves. */
function turnsOf(clock: ManualClock, budget: string, failed: (error: unknown) => void) {
  const hosts = createHosts(clock, { 'api.example': { concurrency: 32, quotas: [parseQuota(budget)!] } });
  const host = hosts.at('https://api.example');
  const starts: number[] = [];
  const start = (random: () => number) => {
    const source = {
      label: 'a source',
      async fetch({ signal }: { signal: AbortSignal }): Promise<Fetched> {
        const pass = host.gate.tryEnter() ?? (await host.gate.enter(10_000, signal));
        starts.push(clock.now());
        host.gate.leave(pass, 'well');
        return { kind: 'unchanged' };
      },
      enlist: host.enlist,
      affordable: host.affordable,
    };
    const topic = { latest: undefined, set() {}, checked() {}, fail() {} };
    return startRefresher({ source, topic, every: 1_000, when: 'always', clock, random, onError: failed });
  };
  return { start, starts };
}

describe('a budget of a day', () => {
  it('lasts the day for twenty sources that would like to be fetched every second', async () => {
    const clock = manualClock();
    const failures: unknown[] = [];
    const { start, starts } = turnsOf(clock, '1000/day', (error) => failures.push(error));
    const begin = clock.now();
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const refreshers = Array.from({ length: 20 }, () => start(random));
    await clock.advance(24 * HOUR - 1);
    const perHour = Array.from(
      { length: 24 },
      (_, hour) => starts.filter((at) => Math.floor((at - begin) / HOUR) === hour).length,
    );
    expect(starts.length).toBeLessThanOrEqual(1_000);
    expect(starts.length).toBeGreaterThan(900);
    expect(Math.max(...perHour.slice(1))).toBeLessThan(84);
    expect(Math.min(...perHour)).toBeGreaterThan(24);
    expect(failures).toEqual([]);

    // Of the next day's, one alone gets all.
    for (const refresher of refreshers.slice(1)) await refresher.close();
    await clock.advance(2 * HOUR);
    const before = starts.length;
    await clock.advance(6 * HOUR);
    expect(starts.length - before).toBeGreaterThan(200);
    await refreshers[0]!.close();
    expect(clock.pending).toBe(0);
  });
});
