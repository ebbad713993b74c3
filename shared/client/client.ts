import { HeadwaterError, messageOf } from '../errors.js';
import type { ConnectOptions, ErrorListener, ListenOptions, WatchOptions } from './options.js';
import { selectTransport } from './select-transport.js';
import { createSubscriptions } from './subscriptions.js';
import type { Status, Transport } from './transport.js';
import type { Update, UpdateOf } from './update.js';
import { watch } from './watch.js';

/** `reason` says why, where there is something to say: `the connection was lost`. */
export type StatusListener = (status: Status, reason?: string) => void;

export interface Subscription {
  readonly topic: string;
  /** True after `close()`, after the server refused the topic, and after the client was closed. */
  readonly closed: boolean;
  /** No update follows. Idempotent. */
  close(): void;
}

type TopicOf<Topics> = keyof Topics & string;

/** `Topics` maps each topic to the type of its value, or to `EventTopic` of the type of its events. */
export interface Client<Topics extends object = Record<string, unknown>> {
  readonly status: Status;
  /** Calls `listener` at every change of `status`. @returns a function that stops it. */
  onStatus(listener: StatusListener): () => void;
  /**
   * Calls `onUpdate` with the topic's value, at once where it is known already, and with every change. Any number of
   * subscribers of a topic share one subscription at the server.
   */
  subscribe<Topic extends TopicOf<Topics>>(
    topic: Topic,
    onUpdate: (update: UpdateOf<Topics[Topic]>) => void,
    options?: ListenOptions,
  ): Subscription;
  /**
   * The same as an async iterator. A slow loop skips to the latest value of a state topic; of an event topic up to
   * 1,024 events wait in order, and what is lost beyond is told as a gap. Ends when the client is closed.
   * @throws {HeadwaterError} from the iteration, where the server refuses the topic.
   */
  watch<Topic extends TopicOf<Topics>>(
    topic: Topic,
    options?: WatchOptions,
  ): AsyncGenerator<UpdateOf<Topics[Topic]>, void, undefined>;
  /**
   * Ends all subscriptions and resolves when no socket and no timer is left. A server that is frozen is waited for one
   * second; `ws` is cut then, the WebSocket of a browser or of Node is left to the platform. Idempotent.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

// Not every browser has the symbol yet; this is the key that polyfills agree on.
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

/**
 * Connects to a Headwater server and keeps connected: reconnects with exponential backoff and full jitter, resumes
 * where it stopped, and applies patches, so that subscribers only ever see whole values that the server had.
 *
 * @param url where the server's pages and topics are: `http://localhost:8080`, or a path below it where it is mounted.
 * @throws {HeadwaterError} `config_invalid` for a URL that is none, or where the transport asked for is not to be had.
 */
export function connect<Topics extends object = Record<string, unknown>>(
  url: string | URL,
  options: ConnectOptions = {},
): Client<Topics> {
  const statusListeners = new Set<StatusListener>();
  let status: Status = 'connecting';
  let closing: Promise<void> | undefined;

  const reportError: ErrorListener = options.onError ?? ((error) => console.error(error));
  const subscriptions = createSubscriptions(() => transport, reportError);
  const transport: Transport = selectTransport(url, options, subscriptions.wanted, {
    ...subscriptions.sink,
    status: setStatus,
  });

  /** Runs a callback of the user's. One that throws is told of and harms nobody else. */
  function guarded(what: string, callback: () => void): void {
    try {
      callback();
    } catch (cause) {
      const text = `A callback for ${what} threw: ${messageOf(cause)}`;
      reportError(new HeadwaterError('callback_failed', text, { cause }));
    }
  }

  function setStatus(next: Status, reason?: string): void {
    if (next === status) return;
    status = next;
    for (const listener of [...statusListeners]) guarded('the status', () => listener(next, reason));
  }

  function subscribe(
    topic: string,
    onUpdate: (update: Update) => void,
    { onError = reportError, ...listenOptions }: ListenOptions = {},
  ): Subscription {
    const what = `the topic "${topic}"`;
    let closed = false;
    const stop = subscriptions.listen(
      topic,
      {
        update: (update) => closed || guarded(what, () => onUpdate(update)),
        error(error, final) {
          if (closed) return;
          closed = final;
          guarded(what, () => onError(error));
        },
        end() {
          closed = true;
        },
      },
      listenOptions,
    );
    return {
      topic,
      get closed() {
        return closed;
      },
      close() {
        closed = true;
        stop();
      },
    };
  }

  async function shut(): Promise<void> {
    subscriptions.close();
    const gone = transport.close();
    setStatus('closed');
    statusListeners.clear();
    await gone;
  }
  function close(): Promise<void> {
    closing ??= shut();
    return closing;
  }

  const client: Client = {
    get status() {
      return status;
    },
    onStatus(listener) {
      statusListeners.add(listener);
      return () => statusListeners.delete(listener);
    },
    subscribe,
    watch: (topic, watchOptions = {}) => watch(subscriptions, topic, watchOptions, reportError),
    close,
    [asyncDispose]: close,
  };
  // The type parameter is the caller's word for what the topics hold; nothing at run time could check it.
  return client as unknown as Client<Topics>;
}
