import { z } from 'zod';
import { HeadwaterError, type WireErrorCode } from '../../shared/errors.js';
import type { Json } from '../../shared/json.js';
import type { ClientMessage, MessageId } from '../../shared/messages.js';
import type { PatchOperation } from '../../shared/patch.js';
import { TOPIC_MAX_BYTES } from '../../shared/topic.js';
import type { LimitName } from './limit-hits.js';

const id = z
  .union([z.number(), z.string().max(64)], 'a number or a string of at most 64 characters is expected')
  .optional();
const topic = z
  .string('a topic name is expected')
  .max(TOPIC_MAX_BYTES, `a topic name of at most ${TOPIC_MAX_BYTES} bytes is expected`);
// What JSON.parse made is JSON; what is left to tell is whether it is there.
const json = z.custom<Json>((value) => value !== undefined);
// Operations are checked one by one where they are applied.
const patch = z.array(
  z.custom<PatchOperation>(
    (value) => typeof value === 'object' && value !== null,
    'an operation is expected',
  ),
  'an array of operations (RFC 6902) is expected',
);

const subscribe = z.object({
  type: z.literal('subscribe'),
  id,
  topic,
  mode: z.enum(['patch', 'value'], '"patch" or "value" is expected').optional(),
  since: z
    .object(
      {
        epoch: z.string('a string is expected'),
        version: z.int('a version is expected').nonnegative('a version is expected'),
      },
      'a cursor { epoch, version } is expected',
    )
    .optional(),
  progress: z
    .number('a number of milliseconds is expected')
    .nonnegative('a number of milliseconds is expected')
    .optional(),
});
const unsubscribe = z.object({ type: z.literal('unsubscribe'), id, topic });
const publish = z
  .object({
    type: z.literal('publish'),
    id,
    topic,
    value: json.optional(),
    patch: patch.optional(),
    event: json.optional(),
  })
  .refine(
    (message) =>
      [message.value, message.patch, message.event].filter((part) => part !== undefined).length === 1,
    'exactly one of value, patch and event is needed',
  );
const auth = z.object({ type: z.literal('auth'), id, token: z.string('a token is expected') });
const ping = z.object({ type: z.literal('ping'), id });

const TYPES = 'an object with a type of subscribe, unsubscribe, publish, auth or ping is expected';

const clientMessage = z.discriminatedUnion(
  'type',
  [subscribe, unsubscribe, publish, auth, ping],
  TYPES,
) satisfies z.ZodType<ClientMessage>;

/** Close codes (RFC 6455, 7.4.1) for what a client keeps doing wrong. */
export const OFFENCE_CLOSE = { unsupported: 1003, policy: 1008, tooBig: 1009 } as const;

/** What a client must not send: answered with an error, and closed with `closeCode` where it repeats. */
export class Offence extends HeadwaterError {
  readonly closeCode: number;
  /** The message's own, where it had a usable one, so that the answer can carry it. */
  readonly id: MessageId | undefined;

  constructor(
    code: WireErrorCode,
    message: string,
    closeCode: number,
    { id, limit }: { id?: MessageId | undefined; limit?: LimitName } = {},
  ) {
    super(code, message, limit === undefined ? {} : { limit });
    this.closeCode = closeCode;
    this.id = id;
  }
}

/**
 * Reads one frame of a client (PROTOCOL section 2): one message of at most `maxBytes` (0: no limit). Members it does
 * not know are ignored, so that newer clients can talk.
 * @throws {Offence} `bad_request`, `too_large`
 */
export function parseClientMessage(bytes: Uint8Array, binary: boolean, maxBytes: number): ClientMessage {
  if (maxBytes > 0 && bytes.length > maxBytes) {
    throw new Offence(
      'too_large',
      `a message of ${bytes.length} bytes: the most is ${maxBytes} (limits.messageBytes)`,
      OFFENCE_CLOSE.tooBig,
      { limit: 'messageBytes' },
    );
  }
  if (binary) throw bad('a binary frame: send JSON in text frames');
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch {
    throw bad('that is no JSON: a text frame must hold one JSON object');
  }
  const result = clientMessage.safeParse(parsed);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  const where = path.length > 0 ? `at ${path.join('.')}: ` : '';
  throw bad(`${where}${message}`, idOf(parsed));
}

function bad(message: string, id?: MessageId): Offence {
  return new Offence('bad_request', message, OFFENCE_CLOSE.unsupported, { id });
}

function idOf(message: unknown): MessageId | undefined {
  const given = typeof message === 'object' && message !== null && 'id' in message ? message.id : undefined;
  const parsed = id.safeParse(given);
  return parsed.success ? parsed.data : undefined;
}
