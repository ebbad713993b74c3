import { parametersOf } from '../../shared/topic-pattern.js';
import type { Clock } from '../async/clock.js';
import type { BatchConfig } from '../config/batch.js';
import type { SourceConfig } from '../config/schema.js';
import type { Logger } from '../observe/log.js';
import { type Batch, startBatch } from '../source/batch/batch.js';
import type { HttpClient } from '../source/http/client.js';
import { httpSource } from '../source/http/http.js';
import { fetchFill } from '../source/template/fill-fetch.js';
import { sparing } from './sparing.js';
import type { ServerTasks } from './tasks.js';
import type { Transforms } from './transforms.js';
import { unlessBroken } from './unless-broken.js';

/** What the batches of one server have in common. */
export interface BatchParts {
  client: HttpClient;
  clock: Clock;
  tasks: ServerTasks;
  transforms: Transforms;
  logger: Logger;
}

/** Makes an entry of the configuration that has a `batch` ready to serve its topics. */
export function batchOf(
  entry: SourceConfig,
  batch: BatchConfig,
  { client, clock, tasks, transforms, logger }: BatchParts,
): Batch {
  const { topic: pattern, every, maxAge, when, linger, transform } = entry;
  const { url, join, max, by, retries = 1, ...asking } = batch;
  const names = parametersOf(pattern);
  const parameter = names.at(-1)!;
  const filled = fetchFill(asking, names.slice(0, -1));
  return startBatch({
    url,
    parameter,
    join,
    max,
    by,
    source(place, others) {
      const made = unlessBroken(pattern, () =>
        httpSource(client, { ...filled(others), url: place, retries }, clock),
      );
      return tasks.ofSource(made, pattern);
    },
    transform: transforms.ofRecords(entry),
    // The configuration has been refused where there is none.
    every: every!,
    maxAge,
    when,
    linger,
    timeout: 3 * asking.timeout + (typeof transform === 'object' ? transform.timeout : 0),
    clock,
    onError: sparing<unknown>(clock, (err, more) =>
      logger.warn({ topic: pattern, err, ...more }, 'a fetch failed'),
    ),
  });
}
