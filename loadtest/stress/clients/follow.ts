import { WebSocket } from 'ws';
import { connect, type WebSocketConstructor } from '../../../shared/client/index.js';
import { formatCursor } from '../../../shared/cursor.js';
import { equal } from '../../../shared/equal.js';
import type { DeliveryMode, ServerMessage } from '../../../shared/messages.js';
import { check, until } from '../check.js';
import { createReplica, type Ledger, type Replica } from '../ledger.js';
import type { Stage } from '../scenario.js';
import { type Served, TOKEN } from '../world/serve.js';
import { openEventStream } from './event-stream.js';
import { openTalk } from './web-socket.js';

/** A client that follows one topic and checks every step. */
export interface Follower {
  readonly version: number;
  /** Waits until it holds that version, or a later one. @throws what it found wrong */
  reaches(version: number): Promise<void>;
  /** Throws what it found wrong, if anything. */
  verify(): void;
  /** Goes away without a word. */
  leave(): Promise<unknown>;
}

/** Where a client stopped an earlier time. */
export type Stopped = Pick<Replica, 'version' | 'value' | 'epoch'>;

type Follow = (stage: Stage, served: Served, ledger: Ledger, from?: Stopped) => Promise<Follower>;

/** All ways in which a client can follow a topic. */
export const FOLLOW: Readonly<Record<string, Follow>> = {
  'WebSocket, patches': followWebSocket('patch'),
  'WebSocket, values': followWebSocket('value'),
  'event stream, patches': followEventStream('patch'),
  'event stream, values': followEventStream('value'),
  'long-poll': followLongPoll,
  'SDK over WebSocket': followSdk('websocket'),
  'SDK over event streams': followSdk('sse'),
};

export interface SocketFollower extends Follower {
  readonly replica: Replica;
  readonly talk: Awaited<ReturnType<typeof openTalk>>;
}

/** `mayLose`: events may be lost to it, if it is told so. */
export function followWebSocket(mode: DeliveryMode, { mayLose = false } = {}) {
  return async (stage: Stage, { wsUrl }: Served, ledger: Ledger, from?: Stopped): Promise<SocketFollower> => {
    const { replica, follower, hear } = checked(ledger, from, mayLose);
    const talk = await openTalk(stage, wsUrl, { heard: hear });
    const since = from?.epoch === undefined ? undefined : { epoch: from.epoch, version: from.version };
    talk.say({ type: 'subscribe', id: 1, topic: ledger.topic, mode, since });
    await talk.inbox.nextWhere(({ type }) => type === 'subscribed' || type === 'error');
    const leave = () => {
      talk.socket.terminate();
      return talk.closed;
    };
    return Object.assign(follower, { replica, talk, leave });
  };
}

export function followEventStream(mode: DeliveryMode) {
  return async (stage: Stage, { url }: Served, ledger: Ledger, from?: Stopped) => {
    const { follower, hear } = checked(ledger, from);
    const cursor = from?.epoch === undefined ? undefined : formatCursor({ ...from, epoch: from.epoch });
    const stream = await openEventStream(stage, `${url}/topics/${ledger.topic}?mode=${mode}`, hear, cursor);
    return Object.assign(follower, { leave: () => stream.cut() });
  };
}

/** Asks again and again for what came after its cursor. */
async function followLongPoll(
  stage: Stage,
  { ask }: Served,
  ledger: Ledger,
  from?: Stopped,
): Promise<Follower> {
  const { follower, hear } = checked(ledger, from);
  const gone = new AbortController();
  let cursor = formatCursor({ epoch: from?.epoch ?? 'none', version: from?.version ?? 0 });
  const polling = poll().catch((error) => {
    if (!gone.signal.aborted) follower.fail(error);
  });
  async function poll(): Promise<void> {
    while (!gone.signal.aborted) {
      const answer = await ask(`/topics/${ledger.topic}?since=${cursor}&wait=5`, { signal: gone.signal });
      check(answer.status === 200, `a long-poll was answered with ${answer.status}`);
      for (const message of (await answer.json()) as ServerMessage[]) hear(message);
      cursor = answer.headers.get('etag')!.replaceAll('"', '');
    }
  }
  const leave = () => {
    gone.abort();
    return polling;
  };
  stage.own(leave);
  return Object.assign(follower, { leave });
}

function followSdk(transport: 'websocket' | 'sse') {
  return async (stage: Stage, { url }: Pick<Served, 'url'>, ledger: Ledger): Promise<Follower> => {
    let version = 0;
    const { follower } = checked(ledger);
    const client = connect(url, {
      transport,
      token: TOKEN,
      WebSocket: WebSocket as unknown as WebSocketConstructor,
      backoff: { base: 5, max: 20 },
      onError: follower.fail,
    });
    client.subscribe(ledger.topic, (update) => {
      // What the server leaves out the SDK tells as a gap too, and none of its followers is so slow that one is due.
      if (update.kind === 'gap') {
        follower.fail(new Error(`the SDK tells that ${update.from} to ${update.version} is lost`));
        return;
      }
      if (update.kind === 'state' && !update.changed) return;
      const held = update.kind === 'state' ? update.value : update.event;
      const follows = update.kind === 'state' ? update.version > version : update.version === version + 1;
      if (!follows) follower.fail(new Error(`the SDK went from ${version} to ${update.version}`));
      const expected = ledger.at(update.version);
      if (expected === undefined || !equal(held, expected))
        follower.fail(new Error(`the SDK holds what the store never held at version ${update.version}`));
      version = update.version;
    });
    stage.own(() => client.close());
    const leave = () => client.close();
    return {
      get version() {
        return version;
      },
      reaches: (wanted) => follower.waits(() => version >= wanted, `the SDK is at ${wanted}`),
      verify: follower.verify,
      leave,
    };
  };
}

export const followSdkOverWebSocket = followSdk('websocket');

/** What all followers have in common: the first thing that is wrong stays. */
function checked(ledger: Ledger, from?: Stopped, mayLose?: boolean) {
  const replica = createReplica(ledger, from, { mayLose });
  let wrong: { error: unknown } | undefined;
  const fail = (error: unknown) => {
    wrong ??= { error };
  };
  const verify = () => {
    if (wrong) throw wrong.error;
  };
  const waits = (holds: () => boolean, what: string) =>
    until(() => {
      verify();
      return holds();
    }, what);
  const follower = {
    get version() {
      return replica.version;
    },
    fail,
    verify,
    waits,
    reaches: (version: number) =>
      waits(() => replica.version >= version, `${ledger.topic} is at version ${version}`),
  };
  function hear(message: ServerMessage): void {
    try {
      if (message.type === 'error') throw new Error(`${ledger.topic}: ${message.code}: ${message.message}`);
      replica.accept(message);
    } catch (error) {
      fail(error);
    }
  }
  return { replica, follower, hear };
}
