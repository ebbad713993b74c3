import { isTooDeep, MAX_DEPTH } from '../../../shared/depth.js';
import { messageOf } from '../../../shared/errors.js';
import type { Json } from '../../../shared/json.js';
import { SourceError } from '../source-error.js';
import type { Pushed } from './push-source.js';

/** What the text of one message says: a message, or a fault. */
export function readMessage(text: string, label: string, at?: string): Pushed {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    // Past the comma the engine quotes the message.
    const reason = messageOf(cause).split(',', 1)[0];
    const error = new SourceError(`${label} sent a message that is no JSON (${reason})`, { cause });
    return { kind: 'fault', error, at };
  }
  if (!isTooDeep(value)) return { kind: 'message', value, at };
  const error = new SourceError(`${label} sent a message nested deeper than ${MAX_DEPTH} levels`);
  return { kind: 'fault', error, at };
}
