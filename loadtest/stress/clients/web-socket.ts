import { once } from 'node:events';
import { type ClientOptions, WebSocket } from 'ws';
import type { ClientMessage, ServerMessage } from '../../../shared/messages.js';
import { Inbox } from '../../../test/support/inbox.js';
import type { Stage } from '../scenario.js';

type MessageOf<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

export interface Talk {
  readonly socket: WebSocket;
  readonly inbox: Inbox<ServerMessage>;
  say(message: ClientMessage): void;
  /** The next message of a type that nobody took yet; those before it are skipped. */
  hear<T extends ServerMessage['type']>(type: T): Promise<MessageOf<T>>;
  readonly closed: Promise<{ code: number; reason: string }>;
}

/** A WebSocket client that knows nothing but JSON. `heard` is called with each message as it comes. */
export async function openTalk(
  stage: Stage,
  wsUrl: string,
  { heard, ...options }: ClientOptions & { heard?: (message: ServerMessage) => void } = {},
): Promise<Talk> {
  const socket = new WebSocket(wsUrl, options);
  const inbox = new Inbox<ServerMessage>();
  socket.on('message', (data) => {
    const parsed = JSON.parse(String(data)) as ServerMessage | ServerMessage[];
    for (const message of Array.isArray(parsed) ? parsed : [parsed]) {
      inbox.push(message);
      heard?.(message);
    }
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      inbox.end(`closed with ${code} ${reason}`);
      resolve({ code, reason: String(reason) });
    });
  });
  stage.own(async () => {
    socket.resume();
    socket.terminate();
    await closed;
  });
  const opened = once(socket, 'open');
  // What went wrong shows as the end of the inbox, or, before it is open, right here.
  socket.on('error', () => {});
  await opened;
  return {
    socket,
    inbox,
    closed,
    say: (message) => socket.send(JSON.stringify(message)),
    hear: async <T extends ServerMessage['type']>(type: T) =>
      (await inbox.nextWhere((message) => message.type === type)) as MessageOf<T>,
  };
}
