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

  const say = (message: ServerMessage) => hub.tell(connection, JSON.stringify(message));

  function receive(bytes: Uint8Array, binary: boolean): void {
    connection.heard = true;
    if (connection.closed) return;
    try {
      if (!bucket.take()) {
        const text = `more than ${limits.messagesPerSecond} messages a second: send fewer`;
        throw new Offence('limit', text, OFFENCE_CLOSE.policy);
      }
      handle(parseClientMessage(bytes, binary, limits.messageBytes));
    } catch (error) {
      if (!(error instanceof Offence)) throw error;
      fail(error, error.id);
      if (strikes.add()) socket.close(error.closeCode, error.code);
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
        subscribe(context, connection, message);
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
    say({ type: 'error', id, topic, code, message });
  }

  say({ type: 'hello', server: SERVER_NAME, heartbeat: context.heartbeat });

  return {
    message: receive,
    pong() {
      connection.heard = true;
    },
    drain: () => hub.drained(connection),
    close() {
      hub.disconnect(connection);
      ended();
    },
  };
}

function subscribe({ hub }: EdgeContext, connection: Connection, message: SubscribeMessage): void {
  const { id, topic, mode = 'patch', since, progress } = message;
  hub.subscribe(connection, topic, { mode, since, progress }, (view, resumed) =>
    JSON.stringify({
      type: 'subscribed',
      id,
      topic,
      kind: view.kind,
      epoch: view.epoch,
      version: view.version,
      resumed,
    } satisfies ServerMessage),
  );
}

function outletOf(context: EdgeContext, socket: WebSocketConnection): Outlet {
  return {
    format: context.webSocketFormat,
    write(frames) {
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
