import { SourceError } from '../source-error.js';
import type { Quota } from './quota.js';

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

/** A quota leaves nothing for this request before `delay` ms from `now`. */
export function usedUp(name: string, { text }: Quota, now: number, delay: number): SourceError {
  return later(`${name}: the budget of ${text} is used up`, now, delay);
}

/** The host answered 429, or 503 with Retry-After. */
export function askedForPeace(name: string, now: number, delay: number): SourceError {
  return later(`${name} asked to be left alone`, now, delay);
}

/** The circuit is open. */
export function brokenOff(name: string, failures: number, now: number, delay: number): SourceError {
  const message = `${name} is left alone until ${timeText(now, delay)} after ${failures} failures in a row`;
  return new SourceError(message, { retryAfter: delay });
}

/** Others held the gate all the time. */
export function noTurn(name: string, patience: number, active: number, waiting: number): SourceError {
  const others = `${active} under way, ${waiting} more in line`;
  return new SourceError(`${name}: no turn for a request within ${patience / 1_000} s: ${others}`);
}

function later(what: string, now: number, delay: number): SourceError {
  return new SourceError(`${what} until ${timeText(now, delay)}`, { retryAfter: delay });
}

/** `14:05 UTC`, never too early; with seconds for what is near, with the date for what is far. */
function timeText(now: number, delay: number): string {
  const unit = delay < HOUR ? 1_000 : 60_000;
  const text = new Date(Math.ceil((now + delay) / unit) * unit).toISOString().replace('T', ' ');
  return `${text.slice(delay < DAY ? 11 : 0, delay < HOUR ? 19 : 16)} UTC`;
}
