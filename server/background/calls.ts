import type { Json } from '../../shared/json.js';
import type { PatchOperation } from '../../shared/patch.js';
import type { Headwater } from '../app/app.js';

/** What can be asked of a server on another thread: arguments and results are copied between the threads. */
export const CALLS = {
  'topic.set': ({ topic }: Headwater, name: string, value: Json): void => topic(name).set(value),
  'topic.patch': ({ topic }: Headwater, name: string, patch: readonly PatchOperation[]): void =>
    topic(name).patch(patch),
  'topic.append': ({ topic }: Headwater, name: string, event: Json): number =>
    topic(name, 'event').append(event),
  'topic.value': ({ topic }: Headwater, name: string): Json | undefined => topic(name).value,
  topics: ({ topics }: Headwater): string[] => topics(),
};

type Calls = typeof CALLS;

/** `topic.set`, `topic.patch`, `topic.append`, `topic.value` or `topics`. */
export type CallName = keyof Calls;

/** The arguments of a call, without the server. */
export type CallArguments<N extends CallName> =
  Parameters<Calls[N]> extends [Headwater, ...infer A] ? A : never;

/** What a call comes to. */
export type CallResult<N extends CallName> = ReturnType<Calls[N]>;
