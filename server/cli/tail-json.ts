import type { StateUpdate, Update } from '../../shared/client/index.js';
import type { TailFormat } from './tail.js';

/** One object a line, as on the wire (PROTOCOL section 1), with whole values instead of patches. */
export function jsonFormat(): TailFormat {
  let stale: string | undefined;

  function messages(update: Update): object[] {
    if (update.kind === 'event') {
      const { topic, version, epoch, event } = update;
      return [{ type: 'event', topic, epoch, version, event }];
    }
    if (update.kind === 'gap') {
      const { topic, epoch, from, version } = update;
      return [{ type: 'gap', topic, epoch, from, version }];
    }
    return [...valueMessage(update), ...staleMessage(update)];
  }

  function valueMessage({ topic, epoch, version, value, asOf, changed }: StateUpdate): object[] {
    return changed ? [{ type: 'value', topic, epoch, version, value, asOf: asOf.toISOString() }] : [];
  }

  function staleMessage({ topic, asOf, stale: reason }: StateUpdate): object[] {
    if (reason === stale) return [];
    stale = reason;
    return reason === undefined
      ? [{ type: 'fresh', topic }]
      : [{ type: 'stale', topic, asOf: asOf.toISOString(), error: reason }];
  }

  return (update) => {
    const lines = messages(update).map((message) => JSON.stringify(message));
    return { out: lines.length === 0 ? undefined : lines.join('\n') };
  };
}
