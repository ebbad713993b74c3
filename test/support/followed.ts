import { expect, onTestFinished } from 'vitest';
import { systemClock } from '../../server/async/clock.js';
import { createHttpClient, type HttpClientOptions } from '../../server/source/http/client.js';
import { type FollowerOptions, startFollower } from '../../server/source/stream/follower.js';
import { type HttpStreamOptions, httpStream } from '../../server/source/stream/http-stream.js';
import type { PushSource } from '../../server/source/stream/push-source.js';
import type { SavedTopic } from '../../server/store/durable/saved-topic.js';
import { createStore } from '../../server/store/store.js';
import type { Json } from '../../shared/json.js';
import { until } from './scripted-servers.js';

/** A push source and the topic that it feeds. `kept`: what the topic was before the server was started again. */
export function follow(
  source: PushSource,
  { kept, ...options }: Partial<FollowerOptions> & { kept?: SavedTopic } = {},
) {
  const { kind = 'state', clock = systemClock } = options;
  const store = createStore({ clock, recall: () => kept });
  store.declare({ topic: 't', kind, served: true, history: { count: 1_000_000, bytes: 1e9 } });
  const topic = store.writer('t')!;
  const { view } = topic;
  /** What subscribers are told: turns, values and events. */
  const told: Json[] = [];
  store.onFlush((flushes) => {
    for (const { change, turned } of flushes) {
      if (turned) told.push(view.freshness.stale ? `stale: ${view.freshness.error}` : 'fresh');
      if (change?.kind === 'events') told.push(...change.entries.map(({ text }) => JSON.parse(text) as Json));
      else if (change) told.push(view.value!);
    }
  });
  const errors: unknown[] = [];
  const follower = startFollower({
    source,
    topic,
    flushed: store.flushed,
    when: 'always',
    random: () => 0,
    onError: (error) => errors.push(error),
    ...options,
    kind,
    clock,
  });
  onTestFinished(() => follower.close());
  return {
    follower,
    view,
    store,
    told,
    errors,
    /** Waits until this is all that subscribers were told. */
    tells: (...expected: unknown[]) => until(() => expect(told).toEqual(expected)),
    /** Waits until the last thing that they were told is this. */
    tellsLast: (expected: unknown) => until(() => expect(told.at(-1)).toEqual(expected)),
  };
}

/** The same for a stream over HTTP. */
export function followStream(
  { clock = systemClock, hosts, ...stream }: HttpStreamOptions & HttpClientOptions,
  options: Partial<FollowerOptions> = {},
) {
  const client = createHttpClient({ clock, ...(hosts && { hosts }) });
  const followed = follow(httpStream(client, stream, clock), { clock, ...options });
  onTestFinished(async () => {
    await followed.follower.close();
    await client.close();
  });
  return { ...followed, client };
}
