import { HeadwaterError } from '../../shared/errors.js';
import type { ClientMessage, MessageId, ServerMessage, SubscribeMessage } from '../../shared/messages.js';
import type { Connection, Outlet } from '../hub/connection.js';
import type { PreparedText, WebSocketConnection, WebSocketHandlers } from '../loop/policy.js';
import { OFFENCE_CLOSE, Offence, parseClientMessage } from './client-message.js';
import { type EdgeContext, SERVER_NAME } from './context.js';
import { wireErrorOf } from './problem.js';
import { publishOverWebSocket } from './publish.js';
import { createStrikes } from './strikes.js';
import { createTokenBucket } from './token-bucket.js';

/** «Service Restart», from the IANA registry of close codes: come back. */
const CLOSE_RESTART = 1012;

/**
 * Speaks PROTOCOL sections 1 and 2 with one client. `token` is that of the handshake, known to be good.
 * `ended` is called once the connection is gone.
 */
export function serveWebSocket(
  context: EdgeContext,
  socket: WebSocketConnection,
  token: string | undefined,
  ended: () => void,
): WebSocketHandlers {
  const { hub, clock, limits } = context;
  const bucket = createTokenBucket(limits.messagesPerSecond, clock);
  const strikes = createStrikes(clock);
  const connection = hub.connect(outletOf(context, socket));
  let heldToken = token;
  /** Characters of answers since its outbox is full. */
  let untaken = 0;

  /** Counts an answer to a client that goes on asking and does not read: they would grow without bound. */
  function counted(text: string): string {
    untaken = connection.congestedSince === undefined ? 0 : untaken + text.length;
    if (limits.outboxBytes > 0 && untaken > limits.outboxBytes) {
      context.limitHits.add('outboxBytes');
      socket.close(OFFENCE_CLOSE.policy, 'answers are not read');
    }
    return text;
  }
  const say = (message: ServerMessage) => hub.tell(connection, counted(JSON.stringify(message)));

  function receive(bytes: Uint8Array, binary: boolean): void {
    weigh(() => handle(parseClientMessage(bytes, binary, limits.messageBytes)));
  }

  /** Whatever a client sends is a sign of life, and costs one of its messages. */
  function weigh(work: () => void): void {
    connection.hear(clock.now());
    if (connection.closed) return;
    try {
      if (!bucket.take()) {
        const text = `more than ${limits.messagesPerSecond} messages and pings a second (limits.messagesPerSecond): send fewer`;
        throw new Offence('limit', text, OFFENCE_CLOSE.policy, { limit: 'messagesPerSecond' });
      }
      work();
    } catch (error) {
      if (!(error instanceof Offence)) throw error;
      fail(error, error.id);
      if (strikes.add()) socket.close(error.closeCode, error.limit ?? error.code);
    }
  }

  function handle(message: ClientMessage): void {
    try {
      dispatch(message);
    } catch (error) {
      fail(error, message.id, 'topic' in message ? message.topic : undefined);
      if (message.type === 'auth' && strikes.add()) socket.close(OFFENCE_CLOSE.policy, 'unauthorized');
    }
  }

  function dispatch(message: ClientMessage): void {
    const { id } = message;
    switch (message.type) {
      case 'ping':
        say({ type: 'pong', id });
        break;
      case 'auth':
        context.publishRight.require(message.token);
        heldToken = message.token;
        say({ type: 'authenticated', id });
        break;
      case 'subscribe':
        subscribe(context, connection, message, counted);
        break;
      case 'unsubscribe': {
        const { topic } = message;
        if (!hub.unsubscribe(connection, topic)) {
          throw new HeadwaterError('bad_request', `this connection is not subscribed to "${topic}"`);
        }
        say({ type: 'unsubscribed', id, topic });
        break;
      }
      case 'publish': {
        const { topic } = message;
        publishOverWebSocket(context, heldToken, message).then(
          (version) => say({ type: 'published', id, topic, version }),
          (error) => fail(error, id, topic),
        );
      }
    }
  }

  function fail(error: unknown, id: MessageId | undefined, topic?: string): void {
    const { code, message, expected } = wireErrorOf(error);
    if (!expected) context.report(error, 'websocket message');
    context.limitHits.note(error);
    say({ type: 'error', id, topic, code, message });
  }

  say({ type: 'hello', server: SERVER_NAME, heartbeat: context.heartbeat });

  return {
    message: receive,
    pong: () => weigh(() => {}),
    ping: () => weigh(() => {}),
    drain: () => hub.drained(connection),
    close() {
      hub.disconnect(connection);
      ended();
    },
  };
}

function subscribe(
  { hub }: EdgeContext,
  connection: Connection,
  message: SubscribeMessage,
  counted: (answer: string) => string,
): void {
  const { id, topic, mode = 'patch', since, progress } = message;
  hub.subscribe(connection, topic, { mode, since, progress }, (view, resumed) =>
    counted(
      JSON.stringify({
        type: 'subscribed',
        id,
        topic,
        kind: view.kind,
        epoch: view.epoch,
        version: view.version,
        resumed,
      } satisfies ServerMessage),
    ),
  );
}

function outletOf(context: EdgeContext, socket: WebSocketConnection): Outlet {
  return {
    transport: 'websocket',
    format: context.webSocketFormat,
    write(frames) {
      if (frames.length === 1) return socket.sendPrepared(frames[0] as PreparedText);
      socket.cork(() => {
        for (const frame of frames) socket.sendPrepared(frame as PreparedText);
      });
    },
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    beat: () => socket.ping(),
    answersBeats: true,
    finish: () => socket.close(CLOSE_RESTART, 'restarting'),
    drop: () => socket.terminate(),
  };
}
