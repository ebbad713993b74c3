import { onTestFinished } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { createHttpClient } from '../../server/source/http/client.js';
import { type HttpStrategyOptions, httpStrategy } from '../../server/source/strategy/http-strategy.js';
import type { Json } from '../../shared/json.js';

/** A strategy over HTTP on a clock that stands still, and a topic that holds what it gave. */
export function strategy(options: HttpStrategyOptions) {
  const clock = manualClock();
  const client = createHttpClient();
  onTestFinished(() => client.close());
  const source = httpStrategy(client, options, clock);
  let held: Json | undefined;
  return {
    source,
    clock,
    /** Fetches as a refresher does: what came is what the topic holds from then on. */
    async fetch(signal: AbortSignal = new AbortController().signal): Promise<Json> {
      const fetched = await source.fetch({ signal, previous: held });
      if (fetched.kind === 'value') held = fetched.value;
      return fetched.kind === 'value' ? fetched.value : fetched.kind;
    },
    /** How a URL fared, without what is 0. */
    counts(index: number): Record<string, number> {
      const { name: _name, label: _label, ...totals } = source.stats!()[index]!;
      return Object.fromEntries(Object.entries(totals).filter(([, total]) => total > 0));
    },
  };
}
