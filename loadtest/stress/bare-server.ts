import type { PolicyName } from '../../test/support/policies.js';
import { judgeGrowth, type RunSample } from './growth.js';
import { reachableBytes } from './leaks.js';
import { runOnce } from './run.js';
import type { Stage } from './scenario.js';
import { serve, serversStarted } from './world/serve.js';

/** What a server may leave for good, in bytes: uWebSockets.js never lets go of some 20 KB of an app. */
const MOST = 40 * 1024;
/** Before a process starts servers as it always will, in runs. */
const WARM_UP = 20;

export interface ServerCost {
  /** Bytes a server; 0 where there were too few runs to tell. */
  readonly bytes: number;
  readonly tooMuch: boolean;
}

/** What a server leaves in memory that starts, answers once and closes, found by doing it again and again. */
export async function costOfServer(policy: PolicyName, times: number): Promise<ServerCost> {
  const samples: RunSample[] = [];
  for (let turn = 0; turn < WARM_UP + times; turn++) {
    const { failures } = await runOnce('a bare server', bareServer, { seed: 0, policy });
    if (failures.length > 0) throw failures[0];
    if (turn >= WARM_UP) samples.push({ reachable: await reachableBytes(), servers: serversStarted() });
  }
  const bytes = Math.max(0, judgeGrowth(samples)?.slope ?? 0);
  return { bytes, tooMuch: bytes > MOST };
}

async function bareServer(stage: Stage): Promise<void> {
  const { ask } = await serve(stage, { topics: [{ topic: 'board' }] });
  await (await ask('/healthz')).text();
}
