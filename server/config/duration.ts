/** A length of time as a configuration says it: `250ms`, `1s`, `1.5s`, `5m`, `1h`, or in code a number of milliseconds. */
export type Duration = number | `${number}ms` | `${number}s` | `${number}m` | `${number}h`;

/** The longest duration: a year of 365 days. */
export const MAX_DURATION_MS = 365 * 24 * 3_600_000;

/** The longest time that a timer of the runtime can wait (2^31 - 1 ms, a little under 25 days). */
export const MAX_TIMER_MS = 0x7fffffff;

const DURATION = /^(\d{1,11}(?:\.\d{1,6})?)(ms|s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Reads a duration written with its unit (or a plain `0`) into whole milliseconds; `undefined` for anything
 * else: no unit, a negative, a fraction of a millisecond, or more than `maxMs`.
 */
export function parseDuration(text: string, maxMs = MAX_DURATION_MS): number | undefined {
  if (text === '0') return 0;
  const match = DURATION.exec(text);
  if (!match) return undefined;
  const exact = Number(match[1]) * UNIT_MS[match[2]!]!;
  const ms = Math.round(exact);
  // Decimal seconds are not exact in binary (0.07 s is 70.00000000000001 ms); a true fraction is further off.
  const whole = Math.abs(exact - ms) < 1e-3;
  return whole && ms <= maxMs ? ms : undefined;
}

/** The shortest exact way to write a number of milliseconds: `90000` is `90s`, `3600000` is `1h`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0';
  for (const unit of ['h', 'm', 's']) {
    if (ms % UNIT_MS[unit]! === 0) return `${ms / UNIT_MS[unit]!}${unit}`;
  }
  return `${ms}ms`;
}
