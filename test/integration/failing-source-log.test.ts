import { expect, it, onTestFinished } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import { createLogger } from '../../server/observe/log.js';
import { SourceError } from '../../server/source/source-error.js';

it('a source that fails for a while has two entries in the log, when it begins and when it works again', async () => {
  const entries: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void entries.push(JSON.parse(line)) };
  let attempts = 0;
  const fetch = () => {
    attempts += 1;
    if (attempts > 1 && attempts < 5) throw new SourceError('the upstream answered with status 503');
    return attempts;
  };
  const headwater = await createHeadwater(
    { http: { port: 0 }, sources: [{ topic: 'q', every: 20, when: 'always', fetch }] },
    { logger: createLogger({ level: 'info', pretty: false, destination }) },
  );
  onTestFinished(() => headwater.close());
  await expect.poll(() => headwater.topic('q').value).toBeGreaterThan(4);
  expect(entries.filter(({ topic }) => topic === 'q')).toEqual([
    {
      level: 'warn',
      time: expect.any(String),
      topic: 'q',
      err: { code: 'source_failed', message: 'the upstream answered with status 503' },
      msg: 'a fetch failed',
    },
    { level: 'info', time: expect.any(String), topic: 'q', failures: 3, msg: 'fetches work again' },
  ]);
});
