import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../shared/json.js';
import { upstream } from '../support/http-upstream.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';
import { FAULTS, timeoutFor } from '../support/upstream-faults.js';

describe('a topic beside one whose upstream', () => {
  it.each(FAULTS)('%s does not notice', async (_name, answer, says) => {
    const good = await upstream();
    const bad = await upstream();
    let turn = 0;
    good.answer = (_, response) => response.end(`{"n":${++turn}}`);
    bad.answer = answer;
    const { headwater } = await startServer({
      sources: [
        { topic: 'good', every: 10, when: 'always', fetch: good.url },
        {
          topic: 'bad',
          every: 10,
          when: 'always',
          fetch: { url: bad.url, timeout: timeoutFor(says), maxBytes: 1e6 },
        },
      ],
    });
    const values: number[] = [];
    const complaints: string[] = [];
    headwater.topic('good').subscribe(({ value, stale }) => {
      values.push((value as JsonObject).n as number);
      if (stale !== undefined) complaints.push(stale);
    });
    const readings = async (count: number) => {
      const before = values.length;
      await until(() => expect(values.length).toBeGreaterThan(before + count));
    };
    let reason: string | undefined;
    headwater.topic('bad').subscribe(({ stale }) => {
      reason = stale;
    });
    await readings(3);
    await until(() => expect(reason).toMatch(says));
    await readings(3);
    expect(complaints).toEqual([]);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
  });
});
