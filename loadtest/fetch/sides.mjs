/**
 * What is compared. Each side gets `sources` going at one fetch a second each, spread evenly, and tells how many fetches
 * came to an end and when it was told to stop.
 */
import { Agent, request } from 'undici';
import { systemClock } from '../../dist/server/async/clock.js';
import { createTimerWheel } from '../../dist/server/async/timer-wheel.js';
import { createHttpClient } from '../../dist/server/source/http/client.js';
import { httpSource } from '../../dist/server/source/http/http.js';
import { startRefresher } from '../../dist/server/source/refresher.js';
import { httpStrategy } from '../../dist/server/source/strategy/http-strategy.js';
import { createStore } from '../../dist/server/store/store.js';

/**
 * @typedef {object} Side
 * @property {(index: number) => Promise<unknown>} fetch once, of the `index`th source
 * @property {(index: number) => void} [start] begins to fetch that source once a second, where the side does so itself
 * @property {() => number} [fetches] how many fetches came to an end, where the side counts them itself
 * @property {() => number} [failures]
 */

/** One request, its body, and the value in it: undici as anybody uses it. @returns {Side} */
export function bare(/** @type {number[]} */ [port]) {
  const dispatcher = new Agent();
  return {
    async fetch(index) {
      const { body } = await request(`http://127.0.0.1:${port}/${index}`, { dispatcher });
      return JSON.parse(await body.text());
    },
  };
}

/** A refresher, its HTTP source and the topic in the store, as the server puts them together. @returns {Side} */
export function headwater(/** @type {number[]} */ [port]) {
  const store = createStore();
  store.declare({
    topic: 'source/{n}',
    kind: 'state',
    served: true,
    history: { count: 256, bytes: 1 << 20 },
  });
  const client = createHttpClient();
  const clock = createTimerWheel(systemClock);
  /** @type {import('../../dist/server/source/refresher.js').Refresher[]} */
  const refreshers = [];
  const refresherOf = (/** @type {number} */ index, /** @type {'always' | 'subscribed'} */ when) =>
    startRefresher({
      source: httpSource(client, { url: `http://127.0.0.1:${port}/${index}` }, systemClock),
      topic: /** @type {any} */ (store.hold(`source/${index}`)),
      every: 1_000,
      when,
      clock,
    });
  return {
    fetch(index) {
      refreshers[index] ??= refresherOf(index, 'subscribed');
      return refreshers[index].refresh();
    },
    start(index) {
      refreshers[index]?.setDemand(true);
    },
    fetches: () => refreshers.reduce((sum, { state }) => sum + state.fetches, 0),
    failures: () => refreshers.reduce((sum, { state }) => sum + state.failures, 0),
  };
}

/** Three requests, the first answer, and an end to the others. @returns {Side} */
export function bareFirst(/** @type {number[]} */ ports) {
  const dispatcher = new Agent();
  return {
    async fetch() {
      const controller = new AbortController();
      const answers = racers(ports).map(async (url) => {
        const { body } = await request(url, { dispatcher, signal: controller.signal });
        return JSON.parse(await body.text());
      });
      const value = await Promise.any(answers);
      controller.abort();
      await Promise.allSettled(answers);
      return value;
    },
  };
}

/** The strategy `first`. @returns {Side} */
export function headwaterFirst(/** @type {number[]} */ ports) {
  const source = httpStrategy(createHttpClient(), { strategy: 'first', urls: racers(ports) }, systemClock);
  const { signal } = new AbortController();
  return { fetch: () => source.fetch({ signal, previous: undefined }) };
}

/** The one that answers stands in the middle. Its answers differ, so that nobody gets away without parsing them. */
function racers(/** @type {number[]} */ ports) {
  return ports.map((port, i) => `http://127.0.0.1:${port}/${i === 1 ? 1 : 'never'}`);
}
