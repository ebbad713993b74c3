import { z } from 'zod';
import type { Finding } from './findings.js';
import { type ConfigPath, formatPath } from './problem.js';
import { oneOf, redisSinkSchema } from './redis.js';
import * as scalar from './scalar.js';

/** Where every new value of a source goes besides. */
export const sinkSchema = z
  .strictObject({
    redis: redisSinkSchema.optional(),
    file: scalar.text('the path of a JSON file').optional(),
  })
  .check(({ value, issues }) => {
    if (issues.length === 0) issues.push(...oneOf(value, ['redis', 'file']));
  });

/** Finds the places that two sinks would write to, in a configuration as it was written. */
export function findSharedSinks(input: unknown): Finding[] {
  const sources = (input as { sources?: unknown } | null)?.sources;
  if (!Array.isArray(sources)) return [];
  const taken = new Map<string, ConfigPath>();
  const found: Finding[] = [];
  for (const [index, source] of sources.entries()) {
    const sinks: unknown = source?.sinks;
    if (!Array.isArray(sinks)) continue;
    for (const [at, sink] of sinks.entries()) {
      const path: ConfigPath = ['sources', index, 'sinks', at];
      const place = placeOf(sink);
      if (place === undefined) continue;
      const other = taken.get(place);
      if (other === undefined) taken.set(place, path);
      else {
        const message = `found the place that ${formatPath(other)} writes to already, expected one of its own`;
        found.push({ path, message });
      }
    }
  }
  return found;
}

function placeOf(
  sink: { file?: unknown; redis?: Record<string, unknown> | null } | null,
): string | undefined {
  if (typeof sink?.file === 'string') return `file ${sink.file}`;
  if (typeof sink?.redis !== 'object' || sink.redis === null) return undefined;
  const { url, key, hash, field, stream } = sink.redis;
  return JSON.stringify([url, key ?? stream ?? [hash, field]]);
}
