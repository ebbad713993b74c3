import { inspect } from 'node:util';
import type { StateUpdate } from '../../shared/client/index.js';
import type { Json } from '../../shared/json.js';
import { type Change, changesBetween } from './changes.js';
import { paint } from './paint.js';
import type { TailFormat } from './tail.js';

/** More changes than this are counted rather than shown. */
const SHOWN_CHANGES = 20;

/** For people: the first value whole, then what changed, each with its time and version. Staleness is news. */
export function textFormat(): TailFormat {
  let previous: Json | undefined;
  let stale: string | undefined;

  function news(update: StateUpdate): string | undefined {
    if (update.stale === stale) return undefined;
    stale = update.stale;
    return stale === undefined ? 'fresh again' : `stale since ${timeOf(update.asOf)}: ${stale}`;
  }

  function out({ changed, version, asOf, value }: StateUpdate): string | undefined {
    if (!changed) return undefined;
    const body = previous === undefined ? pretty(value) : describeChanges(changesBetween(previous, value));
    previous = value;
    return entry(asOf, version, body);
  }

  return (update) => {
    switch (update.kind) {
      case 'event':
        return { out: entry(new Date(), update.version, pretty(update.event)) };
      case 'gap':
        return { news: `lost: versions ${update.from + 1} to ${update.version}` };
      case 'state':
        return { out: out(update), news: news(update) };
    }
  };
}

function entry(time: Date, version: number, body: string): string {
  return `${paint('dim', timeOf(time))} ${paint('bold', `v${version}`)}\n${body.replace(/^/gm, '  ')}`;
}

function describeChanges(changes: readonly Change[]): string {
  const lines = changes.slice(0, SHOWN_CHANGES).map(describeChange);
  const more = changes.length - lines.length;
  return [...lines, ...(more > 0 ? [paint('dim', `and ${more} more changes`)] : [])].join('\n');
}

function describeChange({ pointer, before, after }: Change): string {
  const place = paint('cyan', pointer || '(all)');
  if (before === undefined) return `${place} + ${inline(after)}`;
  if (after === undefined) return `${place} - ${inline(before)}`;
  return `${place} ${inline(before)} → ${inline(after)}`;
}

function pretty(value: Json): string {
  return inspect(value, { depth: 8, colors: paint('bold', '') !== '', breakLength: 100, maxArrayLength: 50 });
}

function inline(value: Json | undefined): string {
  return inspect(value, {
    depth: 2,
    breakLength: Number.POSITIVE_INFINITY,
    maxArrayLength: 5,
    maxStringLength: 120,
  });
}

/** `14:03:22.518`, in the time zone of who looks. */
function timeOf(date: Date): string {
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
