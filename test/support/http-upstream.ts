import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { type HttpSourceOptions, httpSource } from '../../server/source/http/http.js';
import { type Refresher, startRefresher } from '../../server/source/refresher.js';
import { createStore } from '../../server/store/store.js';
import type { TopicView } from '../../server/store/topic.js';

/** What an upstream does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Asked {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  /** All of it, once the request has ended. */
  body: string;
}

export interface Upstream {
  readonly url: string;
  /** What it answers from now on. */
  answer: Answer;
  readonly requests: Asked[];
  readonly sockets: ReadonlySet<Socket>;
}

/** An HTTP server that misbehaves as told. Nothing of it outlives the test. */
export async function upstream(): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const asked = { method: request.method!, url: request.url!, headers: request.headers, body: '' };
    self.requests.push(asked);
    request.on('data', (chunk) => {
      asked.body += chunk;
    });
    self.answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const self: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/q`,
    answer: json('{"n":1}'),
    requests: [],
    sockets,
  };
  return self;
}

/** Answers with JSON, or what is said to be. */
export function json(text: string | Buffer, headers: Record<string, string> = {}): Answer {
  return (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text);
}

export interface Feed {
  readonly view: TopicView;
  readonly refresher: Refresher;
  /** Fetches, and gives what the topic then holds: its value as JSON and why it is stale. */
  fetch(): Promise<{ value: string | undefined; stale: string | undefined }>;
  /** Closes the source and its connections, as the server does. */
  close(): Promise<void>;
}

/** A topic fed by an HTTP source, fetched when the test says so. */
export function feed(url: string, options: Partial<HttpSourceOptions> = {}): Feed {
  const store = createStore();
  store.declare({ topic: 'q', kind: 'state', served: true, history: { count: 10, bytes: 1e6 } });
  const topic = store.writer('q')!;
  const client = createHttpClient();
  const refresher = startRefresher({
    source: httpSource(client, { url, ...options }),
    topic,
    every: 3_600_000,
    when: 'subscribed',
    clock: systemClock,
  });
  const close = async () => {
    await refresher.close();
    await client.close();
  };
  onTestFinished(close);
  return {
    view: topic.view,
    refresher,
    close,
    async fetch() {
      await refresher.refresh();
      await store.flushed();
      const { freshness, valueJson } = topic.view;
      return { value: valueJson, stale: freshness.stale ? freshness.error : undefined };
    },
  };
}
