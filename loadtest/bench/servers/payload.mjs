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

/** @type {Record<string, { price: number }>} */
let entries = {};
/** @type {{ price: number }[]} */
let rows = [];
let turn = 0;

/**
 * The same object each time, changed in place, so that making it costs the servers little.
 * @param {string} topic
 * @param {string | undefined} at
 */
export function documentOf(topic, at = NO_STAMP) {
  if (rows.length === 0) {
    entries = JSON.parse(texts('object').before);
    rows = Object.values(entries);
  }
  turn = (turn + 1) % CHANGED_EVERY;
  for (let i = turn; i < rows.length; i += CHANGED_EVERY) rows[i].price += 0.5;
  return { id: topic, at, entries };
}
