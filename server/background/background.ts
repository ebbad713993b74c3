import { Worker } from 'node:worker_threads';
import { HeadwaterError, messageOf } from '../../shared/errors.js';
import type { BoundListener } from '../app/listeners.js';
import { before } from '../async/before.js';
import { ConfigError, type ConfigPath, formatPath } from '../config/problem.js';
import type { ConfigInput } from '../config/schema.js';
import { CALLS, type CallArguments, type CallName, type CallResult } from './calls.js';
import { type BackgroundData, type FromBackground, type ToBackground, unpackError } from './messages.js';

/** A server that runs on a thread of its own. */
export interface BackgroundServer extends AsyncDisposable {
  /** The loop policy it runs on. */
  readonly loop: string;
  readonly listeners: readonly BoundListener[];
  /**
   * Has the server do something on its thread, in the order of the calls, and resolves when that is done.
   * @throws {HeadwaterError} what the call throws there, with its code; `bad_request` for arguments that cannot be
   *   copied, `closed` once it closes, `background_lost` if its thread died
   */
  call<N extends CallName>(name: N, ...args: CallArguments<N>): Promise<CallResult<N>>;
  /**
   * Resolves when the thread has ended after `close`; rejects with `background_lost` if it died. Where nobody looks at
   * it, Node reports that as an unhandled rejection.
   */
  readonly ended: Promise<void>;
  /** Drains the server and resolves when its thread has ended, also if it died. Idempotent. */
  close(): Promise<void>;
}

interface PendingCall {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The thread's entry is compiled code, also when this is not. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/server/background/main.js' : './main.js',
  import.meta.url,
);
const START_TIMEOUT = 60_000;
/** How much longer than `drainTimeout` an orderly end may take before the thread is ended anyway. */
const GRACE = 1_000;

/**
 * Starts a server on a thread of its own, so that a program which is busy on its event loop does not hold up delivery.
 * `config` is a configuration without functions, or the path of a configuration file, which is then read on that
 * thread, as `headwater serve` reads it. A loop policy that was installed in code does not cross: name it as `loop`.
 * @throws {HeadwaterError} what `createHeadwater` or reading the file throws; `config_invalid` for a function
 */
export async function runInBackground(config: ConfigInput | string): Promise<BackgroundServer> {
  if (typeof config !== 'string') refuseFunctions(config);
  const worker = new Worker(ENTRY, { workerData: { config } satisfies BackgroundData });
  const pending = new Map<number, PendingCall>();
  let lastId = 0;
  let closing: Promise<void> | undefined;
  let cause: unknown;
  let over = false;

  const exited = new Promise<void>((resolve) => {
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      over = true;
      cause ??= closing && code === 0 ? undefined : new Error(`exit code ${code}`);
      const error = cause === undefined ? closed() : lost(cause);
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
      resolve();
    });
  });

  function settle(message: FromBackground): void {
    if (message.type !== 'result' && message.type !== 'failed') return;
    const call = pending.get(message.id);
    pending.delete(message.id);
    if (message.type === 'result') call?.resolve(message.value);
    else call?.reject(unpackError(message.error));
  }

  const first = await firstMessage(worker, exited, () => cause);
  worker.on('message', settle);
  const ended = exited.then(() => {
    if (cause !== undefined) throw lost(cause);
  });

  async function close(): Promise<void> {
    if (over) return;
    worker.postMessage({ type: 'close' } satisfies ToBackground);
    if (await before(exited, first.drainTimeout + GRACE)) return;
    cause = new Error('it did not close in time and was ended');
    await worker.terminate();
  }

  const server: BackgroundServer = {
    loop: first.loop,
    listeners: first.listeners,
    ended,
    async call(name, ...args) {
      if (over && cause !== undefined) throw lost(cause);
      if (closing) throw closed();
      if (!Object.hasOwn(CALLS, name)) throw unknownCall(name);
      const id = ++lastId;
      const result = new Promise<unknown>((resolve, reject) => pending.set(id, { resolve, reject }));
      try {
        worker.postMessage({ type: 'call', id, name, args } satisfies ToBackground);
      } catch (error) {
        pending.delete(id);
        throw uncopyable(name, error);
      }
      return (await result) as CallResult<typeof name>;
    },
    close() {
      closing ??= close();
      return closing;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
  return server;
}

type Started = Extract<FromBackground, { type: 'started' }>;

/** Resolves when the server runs; rejects, with the thread gone, when it does not come to that. */
async function firstMessage(worker: Worker, exited: Promise<void>, cause: () => unknown): Promise<Started> {
  let message: FromBackground | undefined;
  const spoken = new Promise<void>((resolve) => {
    worker.once('message', (said: FromBackground) => {
      message = said;
      resolve();
    });
  });
  await before(Promise.race([spoken, exited]), START_TIMEOUT);
  if (message?.type === 'started') return message;
  await worker.terminate();
  if (message?.type === 'refused') throw unpackError(message.error);
  throw lost(cause() ?? new Error(`it did not start within ${START_TIMEOUT} ms`));
}

function lost(cause: unknown): HeadwaterError {
  return new HeadwaterError(
    'background_lost',
    `the thread of the server in the background ended: ${messageOf(cause)}; start another with runInBackground`,
    { cause },
  );
}

function closed(): HeadwaterError {
  return new HeadwaterError('closed', 'the server in the background takes no more calls: it was closed');
}

function unknownCall(name: string): HeadwaterError {
  const known = Object.keys(CALLS).join(', ');
  return new HeadwaterError('bad_request', `there is no call "${name}": there are ${known}`);
}

function uncopyable(name: string, cause: unknown): HeadwaterError {
  const message = `the arguments of ${name} cannot be copied to the server's thread: ${messageOf(cause)}; give JSON`;
  return new HeadwaterError('bad_request', message, { cause });
}

function refuseFunctions(config: ConfigInput): void {
  const problems = functionsIn(config, []).map((path) => ({
    path: formatPath(path),
    message:
      'found a function, which cannot cross to another thread: put the configuration into a file and give its path',
  }));
  if (problems.length > 0) throw new ConfigError('the configuration', problems);
}

function functionsIn(value: unknown, path: ConfigPath): ConfigPath[] {
  if (typeof value === 'function') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    functionsIn(part, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
