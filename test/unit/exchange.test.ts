import { expect, it, onTestFinished } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import type { EdgeContext } from '../../server/edge/context.js';
import { answer } from '../../server/edge/exchange.js';
import { createGatekeeper } from '../../server/edge/gatekeeper.js';
import { createLimitHits } from '../../server/edge/limit-hits.js';
import { createOriginCheck } from '../../server/edge/origin.js';
import { libuv } from '../../server/loop/libuv.js';
import { HeadwaterError } from '../../shared/errors.js';

const NO_LIMITS = {
  connections: 0,
  connectionsPerAddress: 0,
  acceptPerSecond: 0,
  urlBytes: 0,
  headerBytes: 0,
};

it('work that was called off while its client waits is answered, and is no defect', async () => {
  const defects: unknown[] = [];
  const context = {
    limits: NO_LIMITS,
    gatekeeper: createGatekeeper(NO_LIMITS, manualClock()),
    origins: createOriginCheck([]),
    limitHits: createLimitHits(),
    report: (error: unknown) => void defects.push(error),
  } as unknown as EdgeContext;
  const route = () => Promise.reject(new HeadwaterError('aborted', 'the fetch was called off'));
  const options = { host: '127.0.0.1', port: 0, maxMessageBytes: 1_000 };
  const listener = await libuv().listenHttp(options, {
    request: (request, response) => void answer(context, route, request, response),
    upgrade: (_request, upgrade) => upgrade.refuse(404, {}),
  });
  onTestFinished(() => listener.close());
  const response = await fetch(`http://127.0.0.1:${listener.port}/`);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: 'unavailable', detail: 'the fetch was called off' });
  expect(defects).toEqual([]);
});
