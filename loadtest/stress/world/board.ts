import type { Headwater } from '../../../server/app/app.js';
import type { ConfigInput } from '../../../server/config/schema.js';
import { keepLedger, type Ledger } from '../ledger.js';
import type { Stage } from '../scenario.js';
import { type Served, serve } from './serve.js';

/** Starts a server with a topic `board` among its topics, and a ledger of it from the first commit on. */
export async function serveBoard(
  stage: Stage,
  config: ConfigInput,
): Promise<{ served: Served; ledger: Ledger; board: ReturnType<Headwater['topic']> }> {
  const served = await serve(stage, config);
  const ledger = keepLedger(served.headwater, 'board');
  return { served, ledger, board: served.headwater.topic('board') };
}
