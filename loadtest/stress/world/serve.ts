import { fetch, type RequestInit, type Response } from 'undici';
import { createHeadwater, type Headwater } from '../../../server/app/app.js';
import type { ConfigInput } from '../../../server/config/schema.js';
import { createLogger } from '../../../server/observe/log.js';
import { same } from '../check.js';
import type { Stage } from '../scenario.js';

/** The token that gives the right to publish. */
export const TOKEN = 'stress-token';

let started = 0;

/** How many servers this process has started. */
export function serversStarted(): number {
  return started;
}

/** A server of a scenario. */
export interface Served {
  readonly headwater: Headwater;
  readonly port: number;
  /** `http://127.0.0.1:…` */
  readonly url: string;
  /** `ws://127.0.0.1:…/ws` */
  readonly wsUrl: string;
  /** Asks for a path, with the right to publish. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Sends JSON to a path, with the right to publish; awaits the whole answer. */
  send(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<Answered>;
  /** What it says of itself: `metric('connections')`. */
  metric(name: string): Promise<number>;
}

export interface Answered {
  readonly status: number;
  /** Without quotes. */
  readonly etag: string | undefined;
  readonly body: Record<string, unknown>;
}

/** Starts a server, on a free port unless the configuration has one. When it is closed at the end, it must not have reported a defect of its own. */
export async function serve(stage: Stage, config: ConfigInput): Promise<Served> {
  const defects: string[] = [];
  const destination = { write: (line: string) => void defects.push(line) };
  const headwater = await createHeadwater(
    {
      loop: stage.policy,
      drainTimeout: 2_000,
      auth: { publish: { tokens: [TOKEN] } },
      ...config,
      http: { port: 0, ...config.http },
    },
    { logger: createLogger({ level: 'error', pretty: false, destination }) },
  );
  started += 1;
  stage.own(async () => {
    await headwater.close();
    same(defects, [], 'the server reported a defect');
  });
  return servedBy(headwater);
}

function servedBy(headwater: Headwater): Served {
  const { url, port } = headwater.listeners[0]!;
  const ask: Served['ask'] = (path, { headers, ...init } = {}) =>
    fetch(url + path, {
      ...init,
      headers: { authorization: `Bearer ${TOKEN}`, ...(headers as Record<string, string> | undefined) },
    });
  return {
    headwater,
    port,
    url,
    wsUrl: `${url.replace('http', 'ws')}/ws`,
    ask,
    async send(method, path, body, headers = {}) {
      const answer = await ask(path, {
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      });
      return {
        status: answer.status,
        etag: answer.headers.get('etag')?.replaceAll('"', ''),
        body: (await answer.json()) as Record<string, unknown>,
      };
    },
    async metric(name) {
      const text = await (await ask('/metrics')).text();
      return Number(new RegExp(`^headwater_${name} (\\S+)$`, 'm').exec(text)?.[1]);
    },
  };
}
