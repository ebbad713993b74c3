import { unlessAborted } from '../function.js';
import { copyJson } from '../json-value.js';
import { ownPrevious } from '../own-previous.js';
import type { SourcePlace, StreamFunction } from '../source.js';
import type { PushSource } from './push-source.js';

/**
 * A push source in code. Each value that is yielded is copied, so that the generator may keep and change it. When
 * `signal` aborts the stream is over, whether the generator heeds it or not: what it still yields is dropped.
 */
export function generatorSource(run: StreamFunction, place: SourcePlace): PushSource {
  const label = run.name === '' || run.name === 'fetch' ? 'the generator' : `the generator ${run.name}`;
  return {
    label,
    async *connect({ signal, previous }) {
      const values = run(Object.assign(ownPrevious(previous).context, { signal, ...place }));
      yield [{ kind: 'open', resumed: false }];
      try {
        for (;;) {
          signal.throwIfAborted();
          const { done, value } = await unlessAborted(signal, () => values.next());
          if (done) return;
          yield [messageOf(value, label)];
        }
      } finally {
        // Not awaited: code that does not heed its signal would hold up the stop.
        values.return(undefined).catch(() => {});
      }
    },
  };
}

function messageOf(value: unknown, label: string) {
  try {
    return { kind: 'message', value: copyJson(value, label) } as const;
  } catch (error) {
    return { kind: 'fault', error } as const;
  }
}
