import { describe, expect, it } from 'vitest';
import { parseQuota } from '../../server/config/hosts.js';
import { parseConfig } from '../../server/config/parse.js';
import type { ConfigInput } from '../../server/config/schema.js';

describe('hosts in a configuration', () => {
  it('have a concurrency and a budget of one quota or several', () => {
    const { hosts } = parseConfig({
      hosts: {
        'api.example': { budget: '10/s' },
        'api.example:8443': { concurrency: 6, budget: ['10/s', '1000/day'] },
        '[::1]:80': {},
      },
    });
    expect(hosts).toEqual({
      'api.example': { concurrency: 32, budget: ['10/s'] },
      'api.example:8443': { concurrency: 6, budget: ['10/s', '1000/day'] },
      '[::1]:80': { concurrency: 32, budget: [] },
    });
    expect(parseConfig({ hosts }).hosts).toEqual(hosts);
  });

  it.each([
    ['10/s', 10, 1_000],
    ['600/m', 600, 60_000],
    ['600/min', 600, 60_000],
    ['5000/h', 5_000, 3_600_000],
    ['1000/day', 1_000, 86_400_000],
  ])('read %s', (text, count, per) => {
    expect(parseQuota(text)).toEqual({ text, count, per });
  });

  it.each<[string, object, string, RegExp]>([
    [
      'a quota without a time',
      { 'a.example': { budget: '10' } },
      'hosts["a.example"].budget',
      /found "10", expected how many requests in what time/,
    ],
    [
      'a quota of nothing',
      { 'a.example': { budget: ['1/s', '0/s'] } },
      'hosts["a.example"].budget[1]',
      /found "0\/s", expected how many/,
    ],
    [
      'a budget that is a number',
      { 'a.example': { budget: 10 } },
      'hosts["a.example"].budget',
      /found 10, expected one quota such as/,
    ],
    [
      'no request at a time',
      { 'a.example': { concurrency: 0 } },
      'hosts["a.example"].concurrency',
      /found 0, expected a whole number, from 1/,
    ],
    [
      'an unknown key',
      { 'a.example': { budgets: '1/s' } },
      'hosts["a.example"].budgets',
      /unknown key "budgets", expected one of concurrency, budget; did you mean "budget"/,
    ],
    [
      'a URL for a host',
      { 'http://a.example': {} },
      'hosts["http://a.example"]',
      /expected a host in lower case/,
    ],
    ['a host in capitals', { 'A.example': {} }, 'hosts["A.example"]', /expected a host in lower case/],
  ])('refuse %s', (_, hosts, path, message) => {
    expect(() => parseConfig({ hosts } as ConfigInput)).toThrow(
      expect.objectContaining({ problems: [{ path, message: expect.stringMatching(message) }] }),
    );
  });

  it('are where a budget stands, and not the source', () => {
    const sources = [{ topic: 'q', every: '1s', fetch: 'http://a.example', budget: '10/s' }];
    expect(() => parseConfig({ sources } as ConfigInput)).toThrow(/did you mean "hosts.<host>.budget"\?/);
  });
});
