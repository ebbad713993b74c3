import { onTestFinished } from 'vitest';
import { createHeadwater, type Headwater } from '../../server/app/app.js';
import type { ConfigInput } from '../../server/config/schema.js';
import { createLogger } from '../../server/observe/log.js';

export interface TestServer {
  readonly headwater: Headwater;
  /** `http://127.0.0.1:…` */
  readonly url: string;
  /** `ws://127.0.0.1:…/ws` */
  readonly wsUrl: string;
}

/** The token that test servers let publish. */
export const TOKEN = 'test-token';
export const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

/** Starts a server on a free port; it is closed when the test has finished. */
export async function startServer(config: ConfigInput): Promise<TestServer> {
  const headwater = await createHeadwater(
    {
      drainTimeout: 2_000,
      auth: { publish: { tokens: [TOKEN] } },
      ...config,
      http: { ...config.http, port: 0 },
    },
    { logger: createLogger({ level: 'fatal', pretty: false }) },
  );
  onTestFinished(() => headwater.close());
  const url = headwater.listeners[0]!.url;
  return { headwater, url, wsUrl: `${url.replace('http', 'ws')}/ws` };
}
