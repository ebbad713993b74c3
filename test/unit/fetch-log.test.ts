import { describe, expect, it } from 'vitest';
import { createFetchLog } from '../../server/app/fetch-log.js';
import { manualClock } from '../../server/async/manual-clock.js';
import { createLogger } from '../../server/observe/log.js';
import { SourceError, timedOut } from '../../server/source/source-error.js';

function start() {
  const clock = manualClock();
  const said: unknown[] = [];
  const destination = {
    write(line: string) {
      const { level, topic, msg, err, ...more } = JSON.parse(line);
      delete more.time;
      said.push([
        level,
        topic,
        msg,
        ...(err ? [err.message] : []),
        ...(Object.keys(more).length ? [more] : []),
      ]);
    },
  };
  const logger = createLogger({ pretty: false, destination });
  return { clock, said, logOf: createFetchLog(clock, logger) };
}

const circuit = (time: string) => new SourceError(`a: not asked until ${time}`);

describe('the log of a source that fails', () => {
  it('tells when it begins and when it works again, not of every attempt', () => {
    const { said, logOf } = start();
    const log = logOf('q');
    log.succeeded();
    for (let minute = 10; minute < 60; minute++) log.failed(circuit(`14:${minute} UTC`));
    log.succeeded();
    log.succeeded();
    log.failed(circuit('15:10 UTC'));
    expect(said).toEqual([
      ['warn', 'q', 'a fetch failed', 'a: not asked until 14:10 UTC'],
      ['info', 'q', 'fetches work again', { failures: 50 }],
      ['warn', 'q', 'a fetch failed', 'a: not asked until 15:10 UTC'],
    ]);
  });

  it('tells of a failure of another kind meanwhile, and once of each defect', () => {
    const { said, logOf } = start();
    const log = logOf('q');
    for (let round = 0; round < 3; round++) {
      log.failed(circuit('14:10 UTC'));
      log.failed(timedOut('a', 500));
      log.failed(new TypeError('x is not a function'));
    }
    expect(said).toEqual([
      ['warn', 'q', 'a fetch failed', 'a: not asked until 14:10 UTC'],
      ['warn', 'q', 'a fetch failed', 'a gave no complete answer within 500 ms'],
      ['warn', 'q', 'a fetch failed', 'x is not a function'],
    ]);
  });

  it('ends with its tenth kind, though code throws something else each time', async () => {
    const { clock, said, logOf } = start();
    const log = logOf('q');
    for (let round = 0; round < 30; round++) {
      log.failed(new Error(`odd ${round}`));
      await clock.advance(1_000);
    }
    expect(said).toHaveLength(10);
  });

  it('is sparing over all of its topics, and counts what it left out', async () => {
    const { clock, said, logOf } = start();
    for (let n = 0; n < 100; n++) logOf(`q/${n}`).failed(circuit('14:10 UTC'));
    expect(said).toHaveLength(10);
    await clock.advance(1_000);
    logOf('q/100').failed(circuit('14:10 UTC'));
    expect(said[10]).toEqual([
      'warn',
      'q/100',
      'a fetch failed',
      'a: not asked until 14:10 UTC',
      { leftOut: 90 },
    ]);
  });

  it('survives what cannot be looked at', () => {
    const { said, logOf } = start();
    logOf('q').failed(Object.create(null));
    expect(said).toHaveLength(1);
  });
});
