/** How far the server's clock is ahead of this one, in ms, as far as HTTP's `Date` (whole seconds) can tell. */
let ahead = 0;

/** A `Date` header is cut to the second and took a moment to come: differences below this mean nothing. */
const MEANINGLESS_MS = 2_500;

/** Learns from a response how the server's clock stands, so that ages are right on a machine whose clock is wrong. */
export function learnServerTime(response: Response): void {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(date)) return;
  const difference = date + 500 - Date.now();
  ahead = Math.abs(difference) < MEANINGLESS_MS ? 0 : difference;
}

/** The age of something the server dated, in ms; never negative. */
export function ageOf(asOf: Date): number {
  return Math.max(0, Date.now() + ahead - asOf.getTime());
}

/** Calls `tick` every second while the page is seen, and once when it comes back into view. */
export function everySecond(tick: () => void): void {
  setInterval(() => document.hidden || tick(), 1_000);
  document.addEventListener('visibilitychange', () => document.hidden || tick());
}
