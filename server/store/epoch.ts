import { randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const LENGTH = 8;

/** The name of a new life of a topic. */
export function newEpoch(): string {
  let epoch = '';
  for (let i = 0; i < LENGTH; i++) epoch += ALPHABET[randomInt(ALPHABET.length)];
  return epoch;
}
