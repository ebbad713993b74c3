/** What is published: a message of 128 bytes, or a document of 1.4 MB of which 1 % changes each time. */
import { texts } from '../../diff/documents.mjs';

const MESSAGE_BYTES = 128;
const NO_STAMP = 'never';
const CHANGED_EVERY = 100;

/** @param {string} topic @param {string | undefined} at */
export function messageOf(topic, at = NO_STAMP) {
  const message = { id: topic, at, pad: '' };
  message.pad = 'x'.repeat(MESSAGE_BYTES - JSON.stringify(message).length);
  return message;
}

/** @type {Record<string, { price: number }> | undefined} */
let entries;
let turn = 0;

/** @param {string} topic @param {string | undefined} at */
export function documentOf(topic, at = NO_STAMP) {
  entries ??= JSON.parse(texts('object').before);
  turn++;
  const changed = Object.entries(entries ?? {})
    .filter((_, index) => index % CHANGED_EVERY === turn % CHANGED_EVERY)
    .map(([key, entry]) => [key, { ...entry, price: entry.price + 0.5 }]);
  entries = { ...entries, ...Object.fromEntries(changed) };
  return { id: topic, at, entries };
}
