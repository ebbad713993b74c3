import { once } from 'node:events';
import { createParser } from 'eventsource-parser';
import { onTestFinished } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { ServerMessage } from '../../shared/messages.js';
import { Inbox } from './inbox.js';

export interface WebSocketClient {
  readonly socket: WebSocket;
  /** Messages, arrays taken apart. */
  readonly inbox: Inbox<ServerMessage>;
  /** Frames, as they came. */
  readonly frames: unknown[];
  say(message: unknown): void;
  closed: Promise<{ code: number; reason: string }>;
}

/** A WebSocket client that knows nothing but JSON; its `hello` is still in the inbox. */
export async function openWebSocket(
  url: string,
  options: ClientOptions & { protocol?: string } = {},
): Promise<WebSocketClient> {
  const socket = new WebSocket(url, options.protocol ? [options.protocol] : [], options);
  const inbox = new Inbox<ServerMessage>();
  const frames: unknown[] = [];
  socket.on('message', (data) => {
    const parsed = JSON.parse(String(data)) as ServerMessage | ServerMessage[];
    frames.push(parsed);
    inbox.push(...(Array.isArray(parsed) ? parsed : [parsed]));
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      inbox.end(`closed with ${code} ${reason}`);
      resolve({ code, reason: String(reason) });
    });
  });
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  socket.on('error', () => {});
  return { socket, inbox, frames, say: (message) => socket.send(JSON.stringify(message)), closed };
}

export interface EventStreamEvent {
  id: string | undefined;
  message: ServerMessage;
}

export interface EventStream {
  readonly response: Response;
  readonly inbox: Inbox<EventStreamEvent>;
  /** Everything as it came. */
  text(): string;
  close(): void;
}

/** An event-stream client over `fetch`, with the common parser. */
export async function openEventStream(
  url: string,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal,
  });
  const inbox = new Inbox<EventStreamEvent>();
  let text = '';
  const parser = createParser({
    onEvent: ({ id, data }) => {
      const parsed = JSON.parse(data) as ServerMessage | ServerMessage[];
      for (const message of Array.isArray(parsed) ? parsed : [parsed]) inbox.push({ id, message });
    },
  });
  (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      const piece = decoder.decode(chunk as Uint8Array, { stream: true });
      text += piece;
      parser.feed(piece);
    }
  })().then(
    () => inbox.end('the stream ended'),
    (error: Error) => inbox.end(error.message),
  );
  return { response, inbox, text: () => text, close: () => abort.abort() };
}
