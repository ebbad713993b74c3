import { Redis } from 'ioredis';
import { interruptible } from '../../async/interruptible.js';
import { SourceError } from '../source-error.js';

/** One connection to one Redis, made at first use, and made again for as long as nobody closes it. */
export interface RedisLink {
  /** For messages: `redis://localhost:6379/2`, without user and password. */
  readonly label: string;
  /** Host and port, the default one too, as `localhost:6379`. */
  readonly address: string;
  /** The number of its database: 0, unless the URL names another. */
  readonly database: number;
  /**
   * Does some work over the connection, which is waited for while it is made for the first time. Fails at once while
   * it is lost: `onBack` tells when it is worth trying again.
   * @throws {SourceError} one short line for clients; what aborts `signal`
   */
  use<T>(signal: AbortSignal, work: (redis: Redis) => Promise<T>): Promise<T>;
  /** Calls each time that the connection stands again after it was lost, until `signal` aborts. */
  onBack(back: () => void, signal: AbortSignal): void;
  /** Drops the connection and what waits for it, whatever state Redis is in. Idempotent. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT = 2_000;
/** Redis owes an answer for longer than this: the connection is given up and made anew. */
const SILENCE_TIMEOUT = 5_000;
/** How long the peer may take to agree that a connection has ended. */
const DISCONNECT_TIMEOUT = 100;
const FIRST_RETRY = 50;
const LONGEST_RETRY = 2_000;

/** `url`: `redis:` or, for TLS, `rediss:`, with user, password, port and database as far as they differ from the defaults. */
export function openRedisLink(url: string): RedisLink {
  const label = labelOf(url);
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT,
    socketTimeout: SILENCE_TIMEOUT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
    retryStrategy: (attempt) =>
      Math.min(FIRST_RETRY * 2 ** attempt, LONGEST_RETRY) * (0.75 + Math.random() / 2),
    // A command is for the connection of the moment: what is lost with it is asked again by who still wants to know.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
  });
  const waiting = new Set<() => void>();
  const backListeners = new Set<() => void>();
  let failure: Error | undefined;
  let lost = false;
  let closed = false;

  const settle = () => {
    for (const wake of [...waiting]) wake();
  };
  redis.on('error', (error: Error) => {
    failure = error;
  });
  redis.on('ready', () => {
    failure = undefined;
    settle();
    if (!lost) return;
    lost = false;
    for (const back of [...backListeners]) back();
  });
  redis.on('close', () => {
    lost = true;
    settle();
  });
  redis.on('end', settle);

  /** Resolves when the attempt to connect that is in work is over, well or badly. */
  function attempted(signal: AbortSignal): Promise<void> {
    return interruptible(signal, (resolve) => {
      waiting.add(resolve);
      return () => waiting.delete(resolve);
    });
  }

  return {
    label,
    address: `${redis.options.host}:${redis.options.port}`,
    database: redis.options.db ?? 0,
    async use(signal, work) {
      signal.throwIfAborted();
      if (closed) throw new SourceError(`${label} is no longer asked: the server stops`);
      if (redis.status === 'wait') redis.connect().catch(() => {});
      try {
        if (redis.status === 'connecting' || redis.status === 'connect') await attempted(signal);
        if (redis.status !== 'ready') throw unreachable(label, failure);
        const answer = work(redis);
        return await interruptible(signal, (resolve, reject) => {
          answer.then(resolve, reject);
          return () => {};
        });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw failureOf(label, error, failure);
      }
    },
    onBack(back, signal) {
      backListeners.add(back);
      signal.addEventListener('abort', () => backListeners.delete(back), { once: true });
    },
    async close() {
      if (closed) return;
      closed = true;
      // Between two attempts there is nothing that could end.
      const open = redis.status !== 'wait' && redis.status !== 'end' && redis.status !== 'reconnecting';
      const ended = open && new Promise((resolve) => redis.once('end', resolve));
      redis.disconnect();
      await ended;
    },
  };
}

/** A URL without user, password and query. */
function labelOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

function failureOf(label: string, error: unknown, failure: Error | undefined): SourceError {
  if (error instanceof SourceError) return error;
  const code = replyCode(error);
  if (code === undefined) return unreachable(label, failure);
  return new SourceError(`${label} refused (${code})`, { cause: error });
}

function unreachable(label: string, cause: unknown): SourceError {
  if (cause === undefined) return new SourceError(`${label} closed the connection`);
  const { code, message = '' } = cause as NodeJS.ErrnoException;
  const refusal = replyCode(cause);
  if (refusal !== undefined) return new SourceError(`${label} let nobody in (${refusal})`, { cause });
  if (/timeout|timed ?out/i.test(code ?? message))
    return new SourceError(`${label} does not answer`, { cause });
  return new SourceError(`${label} cannot be reached${code === undefined ? '' : ` (${code})`}`, { cause });
}

/** The first word of an error that Redis itself answered: `WRONGTYPE`. The rest may quote what was asked. */
function replyCode(error: unknown): string | undefined {
  return error instanceof Error && error.name === 'ReplyError' ? /^\w+/.exec(error.message)?.[0] : undefined;
}
