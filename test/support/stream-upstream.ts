import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { until } from './scripted-servers.js';

/** A request for a stream, in the hands of the test. */
export interface StreamRequest {
  readonly headers: IncomingMessage['headers'];
  readonly url: string;
  readonly response: ServerResponse;
  /** Whether its connection is gone. */
  readonly gone: boolean;
  /** Begins the answer. */
  open(contentType?: string, headers?: Record<string, string>): StreamRequest;
  /** Writes as it is. */
  write(text: string | Uint8Array): StreamRequest;
}

export interface StreamUpstream {
  readonly url: string;
  readonly requests: StreamRequest[];
  /** The `index`th request, once it is there. */
  request(index: number): Promise<StreamRequest>;
  /** Does something with each request as it comes, instead of leaving it to the test. */
  answer: ((request: StreamRequest, index: number) => void) | undefined;
  /** Cuts every connection and lets nobody in, until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** An HTTP server of streams that the test writes by hand. Nothing of it outlives the test. */
export async function streamUpstream(): Promise<StreamUpstream> {
  const sockets = new Set<Socket>();
  let port = 0;
  const server = createServer((message, response) => {
    const { socket, headers, url } = message;
    const request: StreamRequest = {
      headers,
      url: url!,
      response,
      get gone() {
        return socket.destroyed;
      },
      open(contentType = 'text/event-stream', more = {}) {
        response.writeHead(200, { 'content-type': contentType, ...more }).flushHeaders();
        return request;
      },
      write(text) {
        response.write(text);
        return request;
      },
    };
    self.requests.push(request);
    self.answer?.(request, self.requests.length - 1);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const self: StreamUpstream = {
    get url() {
      return `http://127.0.0.1:${port}/events`;
    },
    requests: [],
    answer: undefined,
    async request(index) {
      await until(() => expect(self.requests.length).toBeGreaterThan(index));
      return self.requests[index]!;
    },
    async start() {
      server.listen(port, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      port = (server.address() as AddressInfo).port;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  await self.start();
  onTestFinished(self.stop);
  return self;
}
