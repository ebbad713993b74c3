import { manualClock } from '../../server/async/manual-clock.js';
import { type BatchOptions, startBatch } from '../../server/source/batch/batch.js';
import type { FetchContext, Fetched } from '../../server/source/source.js';
import type { TopicWriter } from '../../server/store/store.js';
import { createStore } from '../../server/store/store.js';
import type { Json, JsonObject } from '../../shared/json.js';

/** A request that a batch made. */
export interface BatchRequest {
  /** ms after the start */
  readonly at: number;
  readonly url: string;
  readonly names: readonly string[];
  readonly context: FetchContext;
}

const START = 1_000_000;
const BASE = 'https://api.example/prices?symbols=';

/** A batch on a clock that stands still, whose upstream is a function that counts. */
export function batchOnManualClock(options: Partial<BatchOptions> = {}) {
  const clock = manualClock(START);
  const store = createStore({ clock, flush: 0 });
  store.declare({
    topic: 'price/{symbol}',
    kind: 'state',
    history: { count: 4, bytes: 10_000 },
    served: true,
  });
  const requests: BatchRequest[] = [];
  const errors: unknown[] = [];
  const upstream = {
    /** What a request is answered with. */
    answer: (names: readonly string[], _context: FetchContext): Json | Fetched | Error | Promise<Json> =>
      names.map((symbol) => ({ symbol, price: 1 })),
  };
  const batch = startBatch({
    url: `${BASE}{symbol}`,
    parameter: 'symbol',
    join: ',',
    max: 100,
    by: 'symbol',
    every: 1_000,
    when: 'subscribed',
    linger: 0,
    clock,
    random: () => 0.5,
    onError: (error) => errors.push(error),
    source: (url) => ({
      label: url.split('?', 1)[0]!,
      async fetch(context) {
        const names = decodeURIComponent(url.slice(BASE.length)).split(',');
        requests.push({ at: clock.now() - START, url, names, context });
        const answer = await upstream.answer(names, context);
        if (answer instanceof Error) throw answer;
        return isUnchanged(answer) ? { kind: 'unchanged' } : { kind: 'value', value: answer as Json };
      },
    }),
    ...options,
  });

  return {
    clock,
    store,
    batch,
    requests,
    errors,
    upstream,
    /** Begins to serve an instance, and lets somebody watch it. */
    join(symbol: string) {
      const instance = begin(symbol);
      instance.refresher.setDemand(true);
      return instance;
    },
    begin,
    /** The requests since the last call. */
    taken: () => requests.splice(0),
    async flushed() {
      await store.flushed();
    },
  };

  function begin(symbol: string) {
    const topic: TopicWriter = store.writer(`price/${symbol}`)!;
    return { topic, view: topic.view, refresher: batch.start({ topic, parameters: { symbol } }) };
  }
}

function isUnchanged(answer: Json | Fetched): boolean {
  return typeof answer === 'object' && (answer as JsonObject | null)?.kind === 'unchanged';
}
