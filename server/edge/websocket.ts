import { HeadwaterError } from '../../shared/errors.js';
import type { ClientMessage, MessageId, ServerMessage, SubscribeMessage } from '../../shared/messages.js';
import { named } from '../async/hold.js';
import type { Connection } from '../hub/connection.js';
import type { WebSocketConnection, WebSocketHandlers } from '../loop/policy.js';
import { OFFENCE_CLOSE, Offence, parseClientMessage } from './client-message.js';
import { type EdgeContext, SERVER_NAME } from './context.js';
import type { Guest } from './gatekeeper.js';
import { wireErrorOf } from './problem.js';
import { publishOverWebSocket } from './publish.js';
import { createStrikes, type Strikes } from './strikes.js';
import { webSocketOutlet } from './websocket-outlet.js';

/**
 * Speaks PROTOCOL sections 1 and 2 with one client. `token` is that of the handshake, known to be good.
 * `guest` leaves once the connection is gone.
 */
export function serveWebSocket(
  context: EdgeContext,
  socket: WebSocketConnection,
  token: string | undefined,
  guest: Guest,
): WebSocketHandlers {
  const session = new Session(context, socket, token, guest);
  session.say({ type: 'hello', server: SERVER_NAME, heartbeat: context.heartbeat });
  return session;
}

/** One client. A class, for there may be tens of thousands of them: closures would cost each some kilobytes. */
class Session implements WebSocketHandlers {
  readonly #context: EdgeContext;
  readonly #socket: WebSocketConnection;
  readonly #connection: Connection;
  readonly #guest: Guest;
  /** Made at the first offence. */
  #strikes: Strikes | undefined;
  #token: string | undefined;
  /** Its bucket of messages. */
  #fullAt = 0;
  /** Characters of answers since its outbox is full. */
  #untaken = 0;

  constructor(context: EdgeContext, socket: WebSocketConnection, token: string | undefined, guest: Guest) {
    const { hub, webSocketFormat } = context;
    this.#context = context;
    this.#socket = socket;
    this.#connection = hub.connect(webSocketOutlet(socket, webSocketFormat));
    this.#guest = guest;
    this.#token = token;
  }

  say(message: ServerMessage): void {
    this.#context.hub.tell(this.#connection, this.#counted(JSON.stringify(message)));
  }

  message(bytes: Uint8Array, binary: boolean): void {
    named(
      () => 'a WebSocket message',
      () =>
        this.#weigh(() => this.#handle(parseClientMessage(bytes, binary, this.#context.limits.messageBytes))),
    );
  }

  pong(): void {
    this.#weigh(() => {});
  }

  ping(): void {
    this.#weigh(() => {});
  }

  drain(): void {
    this.#context.hub.drained(this.#connection);
  }

  close(): void {
    this.#context.hub.disconnect(this.#connection);
    this.#guest.leave();
  }

  /** Counts an answer to a client that goes on asking and does not read: they would grow without bound. */
  #counted(text: string): string {
    const { limits, limitHits } = this.#context;
    this.#untaken = this.#connection.congestedAtElapsed === undefined ? 0 : this.#untaken + text.length;
    if (limits.outboxBytes > 0 && this.#untaken > limits.outboxBytes) {
      limitHits.add('outboxBytes');
      this.#socket.close(OFFENCE_CLOSE.policy, 'answers are not read');
    }
    return text;
  }

  /** Whatever a client sends is a sign of life, and costs one of its messages. */
  #weigh(work: () => void): void {
    const { clock, limits, messageRate } = this.#context;
    this.#connection.hear(clock.elapsed());
    if (this.#connection.closed) return;
    try {
      const fullAt = messageRate.take(this.#fullAt);
      if (fullAt === undefined) {
        const text = `more than ${limits.messagesPerSecond} messages and pings a second (limits.messagesPerSecond): send fewer`;
        throw new Offence('limit', text, OFFENCE_CLOSE.policy, { limit: 'messagesPerSecond' });
      }
      this.#fullAt = fullAt;
      work();
    } catch (error) {
      if (!(error instanceof Offence)) throw error;
      this.#fail(error, error.id);
      if (this.#strike()) this.#socket.close(error.closeCode, error.limit ?? error.code);
    }
  }

  #handle(message: ClientMessage): void {
    try {
      this.#dispatch(message);
    } catch (error) {
      this.#fail(error, message.id, 'topic' in message ? message.topic : undefined);
      if (message.type === 'auth' && this.#strike()) this.#socket.close(OFFENCE_CLOSE.policy, 'unauthorized');
    }
  }

  #strike(): boolean {
    this.#strikes ??= createStrikes(this.#context.clock);
    return this.#strikes.add();
  }

  #dispatch(message: ClientMessage): void {
    const { id } = message;
    switch (message.type) {
      case 'ping':
        this.say({ type: 'pong', id });
        break;
      case 'auth':
        this.#context.publishRight.require(message.token);
        this.#token = message.token;
        this.say({ type: 'authenticated', id });
        break;
      case 'subscribe':
        this.#subscribe(message);
        break;
      case 'unsubscribe': {
        const { topic } = message;
        if (!this.#context.hub.unsubscribe(this.#connection, topic)) {
          throw new HeadwaterError('bad_request', `this connection is not subscribed to "${topic}"`);
        }
        this.say({ type: 'unsubscribed', id, topic });
        break;
      }
      case 'publish': {
        const { topic } = message;
        publishOverWebSocket(this.#context, this.#token, message).then(
          (version) => this.say({ type: 'published', id, topic, version }),
          (error) => this.#fail(error, id, topic),
        );
      }
    }
  }

  #subscribe({ id, topic, mode = 'patch', since, progress }: SubscribeMessage): void {
    this.#context.hub.subscribe(this.#connection, topic, { mode, since, progress }, (view, resumed) => {
      const { kind, epoch, version } = view;
      const answer: ServerMessage = { type: 'subscribed', id, topic, kind, epoch, version, resumed };
      return this.#counted(JSON.stringify(answer));
    });
  }

  #fail(error: unknown, id: MessageId | undefined, topic?: string): void {
    const { code, message, expected } = wireErrorOf(error);
    if (!expected) this.#context.report(error, 'websocket message');
    this.#context.limitHits.note(error);
    this.say({ type: 'error', id, topic, code, message });
  }
}
