import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../server/config/environment.js';
import { parseConfig } from '../../server/config/parse.js';
import type { ConfigInput } from '../../server/config/schema.js';

describe('metrics in a configuration', () => {
  it('are of all topics together, unless each is to have its own', () => {
    expect(parseConfig({}).metrics).toEqual({ perTopic: false });
    expect(parseConfig({ metrics: { perTopic: true } }).metrics).toEqual({ perTopic: true });
  });

  it('can be chosen by a variable, which is a string', () => {
    const { overrides, unknown } = readEnvironment({ HEADWATER_METRICS_PER_TOPIC: 'true' });
    expect(unknown).toEqual([]);
    expect(overrides).toMatchObject([{ path: ['metrics', 'perTopic'], value: 'true' }]);
    expect(parseConfig({ metrics: { perTopic: 'true' } } as unknown as ConfigInput).metrics.perTopic).toBe(
      true,
    );
  });

  it.each([1, 'yes', null, []])('are refused where perTopic is %j', (perTopic) => {
    expect(() => parseConfig({ metrics: { perTopic } } as unknown as ConfigInput)).toThrow(
      /metrics\.perTopic: found .+, expected true or false/,
    );
  });
});
