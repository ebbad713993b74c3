import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import { createJiti } from 'jiti';
import { messageOf } from '../../../shared/errors.js';
import type { Json } from '../../../shared/json.js';
import { named } from '../../async/hold.js';
import { copyJson } from '../json-value.js';
import { ownPrevious } from '../own-previous.js';
import type { Transform } from '../source.js';
import { SourceError } from '../source-error.js';

/** One value for a transform. */
interface TransformCall {
  value: Json;
  topic: string;
  previous?: Json | undefined;
}

/** Work for a transform, wherever it runs. Only JSON, since it may go to another process. */
export interface TransformJob {
  /** An absolute path. */
  module: string;
  export: string;
  /** Absent: the module is only loaded. */
  call?: TransformCall;
  /** Milliseconds, after which `signal` aborts for the transform. */
  timeout: number;
}

/** What became of it. */
export type TransformReply =
  | { ok: true; value: Json }
  /** The module is not there or cannot be run, or has no such function. `message`: what was expected. */
  | { ok: false; why: 'module' | 'export'; message: string; stack?: string | undefined }
  /** The transform threw, or gave what is no JSON. `message`: of the error, or fit for clients as it is. */
  | { ok: false; why: 'threw' | 'no-json'; message: string; stack?: string | undefined };

/** A module that is not what the configuration says. */
class LoadError extends Error {
  readonly why: 'module' | 'export';

  constructor(why: 'module' | 'export', message: string, options?: { cause: unknown }) {
    super(message, options);
    this.why = why;
  }
}

const loaded = new Map<string, Promise<Transform>>();

/**
 * Does the work in this thread, of this process. Never rejects. `begin` is called when the module is loaded and its
 * time starts to count, and gives the signal for the transform.
 */
export async function performTransform(
  job: TransformJob,
  begin: () => AbortSignal | Promise<AbortSignal>,
): Promise<TransformReply> {
  const place = `${job.module}#${job.export}`;
  const loading = loaded.get(place) ?? load(job);
  loaded.set(place, loading);
  let transform: Transform;
  try {
    transform = await loading;
  } catch (error) {
    // It may be there the next time.
    loaded.delete(place);
    const { why, message, cause } = error as LoadError;
    return { ok: false, why, message, stack: (cause as Error | undefined)?.stack };
  }
  if (!job.call) return { ok: true, value: null };
  return callTransform(transform, labelOf(job.module), job.call, await begin());
}

/** Calls a transform that is at hand. Never rejects. */
export async function callTransform(
  transform: Transform,
  label: string,
  call: TransformCall,
  signal: AbortSignal,
): Promise<TransformReply> {
  const { value, topic, previous } = call;
  const where = () => `${label} of ${topic}`;
  try {
    const context = Object.assign(ownPrevious(previous).context, { topic, signal });
    const result = await named(where, () => transform(value, context));
    return { ok: true, value: named(where, () => copyJson(result, label)) };
  } catch (error) {
    const why = error instanceof SourceError ? 'no-json' : 'threw';
    return { ok: false, why, message: messageOf(error), stack: (error as Error | undefined)?.stack };
  }
}

/** For messages: `the transform board.js`. */
export function labelOf(module: string): string {
  return `the transform ${basename(module)}`;
}

/** Takes TypeScript and JavaScript, as modules and CommonJS. */
async function load({ module: path, export: name }: TransformJob): Promise<Transform> {
  let exported: Record<string, unknown>;
  try {
    await access(path);
  } catch (cause) {
    throw new LoadError('module', 'the path of a module: there is no such file', { cause });
  }
  try {
    const jiti = createJiti(path, { fsCache: false, interopDefault: false });
    exported = await jiti.import<Record<string, unknown>>(path);
  } catch (cause) {
    const [line] = messageOf(cause).split('\n', 1);
    throw new LoadError('module', `a module that can be loaded: ${line}`, { cause });
  }
  const transform = exported[name];
  if (typeof transform === 'function') return transform as Transform;
  const names = Object.keys(exported).filter((each) => typeof exported[each] === 'function');
  const has = names.length === 0 ? 'no function' : names.join(', ');
  throw new LoadError('export', `the name of a function that ${basename(path)} exports: it exports ${has}`);
}
