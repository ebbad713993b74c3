import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { httpSource } from '../../server/source/http/http.js';
import { startRefresher } from '../../server/source/refresher.js';
import type { Json } from '../../shared/json.js';
import { upstreams } from '../support/commanded-upstream.js';
import { until } from '../support/scripted-servers.js';

/** Sources of one commanded upstream and their refreshers, on one clock that only the test moves. */
async function setup() {
  const [upstream] = await upstreams(1);
  const clock = manualClock();
  const client = createHttpClient({ clock });
  onTestFinished(() => client.close());
  const host = client.hosts.at(new URL(upstream!.url).origin);

  function start({ random, retries }: { random: () => number; retries: number }) {
    const told: string[] = [];
    const topic = {
      latest: undefined as Json | undefined,
      set(value: Json) {
        topic.latest = value;
        told.push(`set ${JSON.stringify(value)}`);
      },
      checked: () => void told.push('checked'),
      fail: (reason: string) =>
        void told.push(reason.replace(upstream!.url, 'it').replace(host.name, 'the host')),
    };
    const source = httpSource(client, { url: upstream!.url, retries }, clock);
    const refresher = startRefresher({ source, topic, every: 10_000, when: 'always', clock, random });
    onTestFinished(() => refresher.close());
    return { told, refresher };
  }
  return { upstream: upstream!, clock, client, host, start };
}

// Every wait that is random is half as long as it can be.
beforeEach(() => {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.5);
  onTestFinished(() => random.mockRestore());
});

describe('on a clock that the test steps', () => {
  it('a refresh fails, is retried, the circuit opens, is probed, opens for longer, and all is well again', async () => {
    const { upstream, clock, host, start } = await setup();
    const begin = clock.now();
    const { told, refresher } = start({ random: () => 0, retries: 1 });
    const at = () => clock.now() - begin;
    /** The next request, which must be the only one. */
    const next = () => upstream.request(upstream.asked.length);
    const idle = () => until(() => expect(refresher.state.running).toBe(false));
    /** The timer of a retry stands beside those of the fetch and of the refresher. */
    const retryPlanned = () => until(() => expect(clock.pending).toBe(3));

    // A refresh.
    (await upstream.request(0)).answer(1);
    await idle();
    expect(told).toEqual(['set 1']);

    // One that fails once and is retried: nobody notices.
    await clock.step();
    expect(at()).toBe(9_000);
    (await upstream.request(1)).status(500);
    await retryPlanned();
    await clock.step();
    expect(at()).toBe(9_125);
    (await upstream.request(2)).answer(2);
    await idle();
    expect(told).toEqual(['set 1', 'set 2']);
    expect(host.counts.retries).toBe(1);

    // The host falls ill: two fetches fail with their retries, the third has no more than one try.
    told.length = 0;
    for (const [first, fails] of [
      [3, 2],
      [5, 2],
      [7, 1],
    ] as const) {
      await clock.step();
      (await upstream.request(first)).status(503);
      if (fails === 2) {
        await retryPlanned();
        await clock.step();
        (await upstream.request(first + 1)).status(503);
      }
      await idle();
    }
    expect(told).toEqual(Array(3).fill('it answered with status 503'));
    expect(host.gate.circuit).toBe('open');

    // It is left alone for 1.5 s, although the refresher comes after a second.
    const opened = at();
    await clock.step();
    expect(at() - opened).toBe(1_000);
    await idle();
    expect(told.at(-1)).toMatch(
      /^the host is left alone until \d\d:\d\d:\d\d UTC after 5 failures in a row$/,
    );
    expect(upstream.asked).toHaveLength(8);

    // A probe that fails: then for 3 s.
    await clock.step();
    expect(at() - opened).toBe(2_000);
    expect(host.gate.circuit).toBe('half-open');
    (await upstream.request(8)).status(500);
    await idle();
    expect(host.gate.circuit).toBe('open');
    const reopened = at();
    await clock.step();
    await idle();
    expect(told.at(-1)).toMatch(/after 6 failures in a row$/);

    // The next probe closes the circuit, and all goes on as before.
    await clock.step();
    expect(at() - reopened).toBe(3_000);
    (await upstream.request(9)).answer(3);
    await idle();
    expect(told.at(-1)).toBe('set 3');
    expect(host.gate.circuit).toBe('closed');
    await clock.step();
    expect(at() - reopened).toBe(3_000 + 9_000);
    (await next()).answer(4);
    await idle();
    expect(told.at(-1)).toBe('set 4');
    expect(host.counts).toMatchObject({
      requests: { '2xx': 4, '5xx': 7, failed: 0, timeout: 0 },
      refusals: 2,
      retries: 3,
    });

    await refresher.close();
    await clock.runUntilIdle();
    expect(clock.pending).toBe(0);
  });

  it('one source that finds the host well again brings back the others at once', async () => {
    const { upstream, clock, host, start } = await setup();
    const prompt = start({ random: () => 0, retries: 0 });
    // Its backoffs grow from 2 s to 30 s.
    const patient = start({ random: () => 0.999, retries: 0 });
    const refreshers = [prompt.refresher, patient.refresher];
    let healthy = false;
    let answers = 0;
    /** Answers what is asked until no fetch runs. */
    const settled = () =>
      until(() => {
        for (; answers < upstream.asked.length; answers++) {
          if (healthy) upstream.asked[answers]!.answer('well');
          else upstream.asked[answers]!.status(500);
        }
        expect(refreshers.some(({ state }) => state.running)).toBe(false);
      });
    while (host.gate.circuit !== 'open') {
      await settled();
      await clock.step();
    }
    await settled();
    healthy = true;
    const { fetches } = patient.refresher.state;
    while (prompt.told.at(-1) !== 'set "well"') {
      expect(patient.refresher.state.fetches).toBe(fetches);
      await clock.step();
      await settled();
    }
    const recovered = clock.now();
    await until(() => expect(patient.told.at(-1)).toBe('set "well"'));
    expect(clock.now()).toBe(recovered);
    expect(patient.refresher.state.fetches).toBe(fetches + 1);
  });
});
