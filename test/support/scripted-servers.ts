import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClientMessage } from '../../shared/messages.js';

/** Waits until `check` holds. */
export function until(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 30_000, interval: 5 });
}

export interface Peer {
  readonly socket: WebSocket;
  /** Everything the client said on this connection. */
  readonly heard: ClientMessage[];
  say(...messages: object[]): void;
}

/** A WebSocket server that does what the test tells it to: says `hello` (unless `mute`), then only what the script says. */
export async function scriptedWebSocketServer(script: {
  heartbeat?: number;
  mute?: boolean;
  answer?: (message: ClientMessage, peer: Peer) => void;
}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const peers: Peer[] = [];
  server.on('connection', (socket) => {
    const peer: Peer = {
      socket,
      heard: [],
      say(...messages) {
        socket.send(JSON.stringify(messages.length === 1 ? messages[0] : messages));
      },
    };
    peers.push(peer);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      peer.heard.push(message);
      script.answer?.(message, peer);
    });
    if (!script.mute) peer.say({ type: 'hello', server: 'scripted', heartbeat: script.heartbeat ?? 25_000 });
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    peers,
    /** The `index`th connection, once it is there. */
    async peer(index: number): Promise<Peer> {
      await until(() => expect(peers.length).toBeGreaterThan(index));
      return peers[index]!;
    },
    get open() {
      return server.clients.size;
    },
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Request {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** Opens the stream if it is not yet, and writes one event for the messages. */
  say(id: string, ...messages: object[]): void;
}

/** An HTTP server whose requests the test answers by hand. */
export async function scriptedSseServer(answer?: (request: Request, index: number) => void) {
  const requests: Request[] = [];
  const server = createServer((message, response) => {
    const request: Request = {
      message,
      response,
      say(id, ...messages) {
        if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
        const data = JSON.stringify(messages.length === 1 ? messages[0] : messages);
        response.write(`id: ${id}\ndata: ${data}\n\n`);
      },
    };
    requests.push(request);
    answer?.(request, requests.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async request(index: number): Promise<Request> {
      await until(() => expect(requests.length).toBeGreaterThan(index));
      return requests[index]!;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
