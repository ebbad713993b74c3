import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { Json } from '../../shared/json.js';
import { until } from './scripted-servers.js';

/** A request that waits until the test answers it. */
export interface Asked {
  readonly headers: IncomingMessage['headers'];
  /** Whether its socket was closed before it was answered. */
  readonly aborted: boolean;
  answer(value: Json, headers?: Record<string, string>): void;
  /** Answers with a status and no body. */
  status(code: number, headers?: Record<string, string>): void;
}

/** An HTTP server whose requests the test answers by hand. Nothing of it outlives the test. */
async function commandedUpstream() {
  const asked: Asked[] = [];
  const server = createServer((request, response) => void asked.push(commanded(request, response)));
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/q`,
    asked,
    /** The `index`th request, once it is there. */
    async request(index: number): Promise<Asked> {
      await until(() => expect(asked.length).toBeGreaterThan(index));
      return asked[index]!;
    },
  };
}

/** Several of them. */
export function upstreams(count: number) {
  return Promise.all(Array.from({ length: count }, commandedUpstream));
}

function commanded({ headers, socket }: IncomingMessage, response: ServerResponse): Asked {
  return {
    headers,
    get aborted() {
      return socket.destroyed && !response.writableFinished;
    },
    answer(value, more = {}) {
      response.writeHead(200, { 'content-type': 'application/json', ...more }).end(JSON.stringify(value));
    },
    status(code, more = {}) {
      response.writeHead(code, more).end();
    },
  };
}
