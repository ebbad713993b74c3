import { HeadwaterError } from '../../../shared/errors.js';
import type { Json } from '../../../shared/json.js';
import { type Clock, systemClock } from '../../async/clock.js';
import { Semaphore } from '../../async/semaphore.js';
import { startDeadline } from '../deadline.js';
import { unlessAborted } from '../function.js';
import { copyJson } from '../json-value.js';
import type { FetchContext, Source, Transform } from '../source.js';
import { SourceError } from '../source-error.js';
import { callTransform, labelOf, performTransform, type TransformJob, type TransformReply } from './job.js';
import type { TransformPlace } from './place.js';
import { processPlace } from './process.js';
import { threadPlace } from './thread.js';

/** A transform that a module exports. */
export interface TransformModule {
  /** An absolute path, of JavaScript or TypeScript. */
  module: string;
  /** `default` for the default export. */
  export: string;
  /** Inline it can hold up the server; in a thread or a process it can be ended. */
  run: 'inline' | 'thread' | 'process';
  /** Milliseconds for one value. */
  timeout: number;
}

/** A transform that is ready to run for any number of topics. */
export interface TransformRunner {
  /**
   * Loads the module, so that a mistake in it shows before the first value.
   * @throws {TransformLoadError}
   */
  prepare(): Promise<void>;
  /** @throws {HeadwaterError} one short line that names the module; what aborts `signal` */
  run(value: Json, context: FetchContext & { topic: string }): Promise<Json>;
  /** Ends its threads or its process, and resolves when they are gone. */
  close(): Promise<void>;
}

/** A module that is missing, cannot be loaded, or has no such function. */
export class TransformLoadError extends HeadwaterError {
  /** Which key of the transform is wrong. */
  readonly part: 'module' | 'export';
  /** What should have been there. */
  readonly expected: string;

  constructor({ module, export: name }: TransformModule, part: 'module' | 'export', expected: string) {
    const found = part === 'module' ? module : `${module} with the export ${name}`;
    super('config_invalid', `the transform ${found}: expected ${expected}`);
    this.name = 'TransformLoadError';
    this.part = part;
    this.expected = expected;
  }
}

/** Until a thread or a process has begun and loaded its module: on a machine that is busy with others, 10 s were too few. */
const LOAD_TIMEOUT = 60_000;
/** For a function in code. */
const FUNCTION_TIMEOUT = 5_000;

/** The owner closes it, after the sources that use it. */
export function startTransform(
  transform: Transform | TransformModule,
  clock: Clock = systemClock,
): TransformRunner {
  return typeof transform === 'function' ? functionRunner(transform, clock) : moduleRunner(transform, clock);
}

function functionRunner(transform: Transform, clock: Clock): TransformRunner {
  const label = transform.name === '' ? 'the transform' : `the transform ${transform.name}`;
  return {
    async prepare() {},
    async run(value, { topic, previous, signal }) {
      const deadline = startDeadline({ label, timeout: FUNCTION_TIMEOUT, owner: signal, clock });
      try {
        const call = () =>
          callTransform(transform, label, { value: ownCopy(value), topic, previous }, deadline.signal);
        return resultOf(await unlessAborted(deadline.signal, call), label);
      } finally {
        deadline.end();
      }
    },
    async close() {},
  };
}

function moduleRunner(options: TransformModule, clock: Clock): TransformRunner {
  const { module, export: name, timeout } = options;
  const label = labelOf(module);
  const place = placeOf(options.run);
  const turns = new Semaphore(place.width);

  /** Neither the wait for a turn counts nor the start of a thread or process. */
  async function perform(job: TransformJob, signal: AbortSignal): Promise<TransformReply> {
    using _turn = await turns.acquire({ signal }).catch((error) => {
      throw signal.aborted ? signal.reason : error;
    });
    const deadline = startDeadline({ label, timeout: LOAD_TIMEOUT, owner: signal, clock });
    try {
      return await place.perform(job, deadline.signal, () => deadline.restart(job.timeout));
    } finally {
      deadline.end();
    }
  }

  return {
    async prepare() {
      const { signal } = new AbortController();
      const job = { module, export: name, timeout: LOAD_TIMEOUT };
      const reply = await perform(job, signal).catch((error: unknown): TransformReply => {
        const message = `a module that can be loaded: ${(error as Error).message}`;
        return { ok: false, why: 'module', message };
      });
      if (!reply.ok && (reply.why === 'module' || reply.why === 'export'))
        throw new TransformLoadError(options, reply.why, reply.message);
    },
    async run(value, { topic, previous, signal }) {
      const job = { module, export: name, timeout, call: { value, topic, previous } };
      return resultOf(await perform(job, signal), label);
    },
    close: () => place.close(),
  };
}

function placeOf(run: TransformModule['run']): TransformPlace {
  if (run === 'thread') return threadPlace();
  if (run === 'process') return processPlace();
  return {
    width: Number.MAX_SAFE_INTEGER,
    perform: (job, signal, begun) =>
      unlessAborted(signal, () =>
        performTransform(ownJob(job), () => {
          begun();
          return signal;
        }),
      ),
    async close() {},
  };
}

/** A transform may change what it is given, which a topic or a source may hold. In a thread or process it is a copy anyway. */
function ownCopy(value: Json): Json {
  return copyJson(value, 'the source');
}

function ownJob(job: TransformJob): TransformJob {
  return job.call ? { ...job, call: { ...job.call, value: ownCopy(job.call.value) } } : job;
}

function resultOf(reply: TransformReply, label: string): Json {
  if (reply.ok) return reply.value;
  const { why, message, stack } = reply;
  if (why === 'no-json') throw new SourceError(message);
  const cause = Object.assign(new Error(message), stack !== undefined && { stack });
  throw new SourceError(why === 'threw' ? `${label} threw` : `${label} cannot be loaded`, {
    cause,
    defect: true,
  });
}

/** A source whose values are what a transform makes of another's. */
export function transformedSource(source: Source, runner: TransformRunner, topic: string): Source {
  /** The topic does not hold what was made of the value that the source brought last. */
  let behind = false;
  return {
    ...source,
    async fetch(context) {
      // Without a previous value a source brings its value whether it is news or not.
      const fetched = await source.fetch(behind ? { ...context, previous: undefined } : context);
      if (fetched.kind !== 'value') return fetched;
      behind = true;
      const value = await runner.run(fetched.value, { ...context, topic });
      behind = false;
      return { ...fetched, value };
    },
  };
}
