import { HeadwaterError } from '../errors.js';
import type { ServerMessage } from '../messages.js';

type Check = 'string' | 'number' | 'boolean' | 'array' | 'date' | 'present';

/** The fields of each message that the client relies on. Types that are not listed come from a newer server and are passed over. */
const SHAPES: Record<ServerMessage['type'], Record<string, Check>> = {
  hello: { heartbeat: 'number' },
  value: { topic: 'string', epoch: 'string', version: 'number', value: 'present', asOf: 'date' },
  patch: { topic: 'string', version: 'number', from: 'number', patch: 'array', asOf: 'date' },
  event: { topic: 'string', version: 'number', event: 'present' },
  gap: { topic: 'string', from: 'number', version: 'number' },
  stale: { topic: 'string', error: 'string' },
  fresh: { topic: 'string' },
  checked: { topic: 'string', asOf: 'date' },
  subscribed: { topic: 'string', epoch: 'string', version: 'number', resumed: 'boolean' },
  unsubscribed: { topic: 'string' },
  published: { topic: 'string' },
  authenticated: {},
  pong: {},
  error: { code: 'string', message: 'string' },
  drain: { reconnectAfter: 'number' },
};

const HELD_TO: Record<Check, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  array: Array.isArray,
  date: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  present: (value) => value !== undefined,
};

/**
 * Calls `message` for each message in a frame: one, or a JSON array of several. What is no message goes to `bad`
 * and never stops those after it.
 */
export function decodeFrame(
  text: string,
  message: (message: ServerMessage) => void,
  bad: (error: HeadwaterError) => void,
): void {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    bad(
      new HeadwaterError('protocol_error', `The server sent a frame that is no JSON: ${excerpt(text)}`, {
        cause,
      }),
    );
    return;
  }
  for (const item of Array.isArray(frame) ? frame : [frame]) {
    const fault = faultOf(item);
    if (fault === undefined) message(item as ServerMessage);
    else if (fault !== UNKNOWN_TYPE) {
      bad(new HeadwaterError('protocol_error', `The server sent ${fault}: ${excerpt(JSON.stringify(item))}`));
    }
  }
}

const UNKNOWN_TYPE = Symbol('unknown type');

function faultOf(item: unknown): string | typeof UNKNOWN_TYPE | undefined {
  if (typeof item !== 'object' || item === null) return 'a message that is no object';
  const fields = item as Record<string, unknown>;
  if (typeof fields.type !== 'string') return 'a message without a type';
  if (!Object.hasOwn(SHAPES, fields.type)) return UNKNOWN_TYPE;
  for (const [name, check] of Object.entries(SHAPES[fields.type as ServerMessage['type']])) {
    if (!HELD_TO[check](fields[name])) return `a message of type "${fields.type}" with a bad "${name}"`;
  }
  return undefined;
}

function excerpt(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
