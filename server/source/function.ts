import { copyJson } from './json-value.js';
import { ownPrevious } from './own-previous.js';
import type { FunctionContext, Source, SourcePlace } from './source.js';

/** Code that gets a value, or throws. It must let go of everything when `signal` aborts, and return JSON. */
export type SourceFunction = (context: FunctionContext) => unknown;

/**
 * A source in code. Its value is copied, so that the function may keep and change what it returned; returning
 * `previous` as it was says that nothing changed. When `signal` aborts the fetch is over, whether the function heeds it
 * or not: what it still brings is dropped.
 */
export function functionSource(run: SourceFunction, place: SourcePlace): Source {
  const label = run.name === '' || run.name === 'fetch' ? 'the function' : `the function ${run.name}`;
  return {
    label,
    async fetch(context) {
      const { signal, previous } = context;
      signal.throwIfAborted();
      const own = ownPrevious(previous);
      const given = Object.assign(own.context, { signal, ...place });
      const value = await unlessAborted(signal, async () => run(given));
      return own.isUntouched(value)
        ? { kind: 'unchanged' }
        : { kind: 'value', value: copyJson(value, label, { held: previous }) };
    },
  };
}

/** The outcome of `work`, or the reason of `signal` when that aborts first; what `work` still brings is dropped. */
export function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
