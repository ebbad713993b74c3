import { onTestFinished } from 'vitest';
import type { Headwater } from '../../server/app/app.js';
import { createHeadwater } from '../../server/app/app.js';
import { createLogger } from '../../server/observe/log.js';
import type { Json } from '../../shared/json.js';
import type { PolicyName } from '../support/policies.js';
import { reservedPort } from '../support/reserved-port.js';

export interface DemoServer {
  readonly headwater: Headwater;
  readonly url: string;
  /** Makes the source of `feed` fail, with that reason, or work again. */
  failing: string | undefined;
  /** Closes it and starts another on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A server with this machine's vital signs, a feed that can be made to fail, a board and a chat. */
export async function startDemoServer(loop: PolicyName): Promise<DemoServer> {
  const port = await reservedPort();
  let count = 0;
  async function feed(): Promise<Json> {
    if (server.failing !== undefined) throw new Error(server.failing);
    return { count: count++, nested: { label: 'a feed' } };
  }
  const start = () =>
    createHeadwater(
      {
        loop,
        http: { port },
        drainTimeout: 500,
        topics: [{ topic: 'board' }, { topic: 'chat/{room}', kind: 'event' }],
        sources: [
          { topic: 'system/vitals', every: '150ms', fetch: { system: true } },
          { topic: 'feed', every: '100ms', fetch: feed },
        ],
      },
      { logger: createLogger({ level: 'fatal', pretty: false }) },
    );

  let headwater = await start();
  const server: DemoServer = {
    get headwater() {
      return headwater;
    },
    url: headwater.listeners[0]!.url,
    failing: undefined,
    async restart() {
      await headwater.close();
      headwater = await start();
    },
    stop: () => headwater.close(),
  };
  onTestFinished(() => headwater.close());
  return server;
}
