import { isTooDeep } from '../../shared/depth.js';
import { equal } from '../../shared/equal.js';
import { HeadwaterError } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import { applyMergePatch } from '../../shared/merge-patch.js';
import type { PublishMessage } from '../../shared/messages.js';
import { applyPatch, type PatchOperation } from '../../shared/patch.js';
import { type TopicWriter, unknownTopic } from '../store/store.js';
import type { TopicView } from '../store/topic.js';
import type { EdgeContext } from './context.js';

/** The longest value that a client's patches may make, in characters of JSON. */
const MAX_PATCHED = 16 * 1024 * 1024;

/** What a client with the right to publish may do to a topic. */
export type Publication =
  | { kind: 'value'; value: Json }
  | { kind: 'patch'; patch: PatchOperation[] }
  | { kind: 'merge'; patch: Json }
  | { kind: 'event'; event: Json };

/**
 * Commits a publication and resolves, once it is flushed, with the topic's version (an event's own), and whether the
 * topic then holds just what was committed: somebody else may have committed into the same version.
 * `precondition` is asked before the commit, in the same turn, and throws to prevent it.
 * @throws {HeadwaterError} `unavailable` while the server drains, `unknown_topic`, `forbidden`, `bad_request`, `too_large`,
 *   `patch_invalid`, `patch_conflict`
 */
export async function publish(
  { store, hub, gatekeeper }: EdgeContext,
  topic: string,
  publication: Publication,
  precondition?: (view: TopicView) => void,
): Promise<{ version: number; holds: boolean }> {
  gatekeeper.requireOpen();
  const writer = store.writer(topic);
  if (!writer) throw unknownTopic(topic);
  let version: number | undefined;
  try {
    version = commit(writer, topic, publication, precondition);
  } catch (error) {
    hub.release(topic);
    throw error;
  }
  const { view } = writer;
  const committed = writer.latest;
  await store.flushed();
  if (version !== undefined) return { version, holds: version === view.version };
  return { version: view.version, holds: committed === view.value || equal(committed!, view.value!) };
}

/** Returns the version of an event. */
function commit(
  writer: TopicWriter,
  topic: string,
  publication: Publication,
  precondition?: (view: TopicView) => void,
): number | undefined {
  const { view } = writer;
  if (view.served) {
    throw new HeadwaterError(
      'forbidden',
      `"${topic}" is fed by its source: publish to a topic declared under "topics"`,
    );
  }
  precondition?.(view);
  switch (publication.kind) {
    case 'value':
      writer.set(publication.value);
      break;
    case 'patch':
      writer.set(withinBounds(applyPatch(writer.latest ?? null, publication.patch), topic));
      break;
    case 'merge':
      writer.set(withinBounds(applyMergePatch(writer.latest ?? null, publication.patch), topic));
      break;
    case 'event':
      return writer.append(publication.event);
  }
  return undefined;
}

/** A small patch can make a large value, by copying: the result is held to a bound of its own. */
function withinBounds(value: Json, topic: string): Json {
  // Committing refuses what is too deep, and encoding it would overflow the stack.
  if (isTooDeep(value)) return value;
  const { length } = JSON.stringify(value);
  if (length <= MAX_PATCHED) return value;
  throw new HeadwaterError(
    'too_large',
    `the patch would make "${topic}" ${length} characters long: the most is ${MAX_PATCHED}`,
  );
}

/** The publish message of PROTOCOL section 2. @throws {HeadwaterError} also `unauthorized`, `limit` */
export async function publishOverWebSocket(
  context: EdgeContext,
  token: string | undefined,
  message: PublishMessage,
): Promise<number> {
  context.publishRight.spend(token);
  const { version } = await publish(context, message.topic, publicationOf(message));
  return version;
}

/** The schema lets exactly one of the three through. */
function publicationOf({ value, patch, event }: PublishMessage): Publication {
  if (value !== undefined) return { kind: 'value', value };
  if (patch !== undefined) return { kind: 'patch', patch };
  return { kind: 'event', event: event! };
}
