import { expect } from 'vitest';
import type { Json } from '../../shared/json.js';
import type { ServerMessage } from '../../shared/messages.js';
import { applyPatch } from '../../shared/patch.js';

/** What a client of the protocol holds after some messages; fails on a hole, a duplicate or a step back. */
export function replay(
  messages: readonly ServerMessage[],
  start: { version: number; value?: Json } = { version: 0 },
) {
  let { version, value } = start;
  for (const message of messages) {
    if (message.type === 'value') {
      expect(message.version).toBeGreaterThan(version);
      ({ version, value } = message);
    } else if (message.type === 'patch') {
      expect(message.from).toBe(version);
      expect(message.version).toBeGreaterThan(version);
      value = applyPatch(value!, message.patch);
      version = message.version;
    }
  }
  return { version, value };
}
