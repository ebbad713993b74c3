import { hasParameters, overlap } from '../../shared/topic-pattern.js';
import type { Finding } from './findings.js';
import { type ConfigPath, formatPath } from './problem.js';

interface Claim {
  /** `topics[0].topic` */
  readonly path: ConfigPath;
  readonly topic: string;
  readonly served: boolean;
}

/**
 * Finds the topics that are given out twice, in a configuration as it was written: what has the wrong shape
 * is somebody else's finding and skipped here.
 */
export function findOverlaps(input: unknown): Finding[] {
  const taken: Claim[] = [];
  const found: Finding[] = [];
  for (const claim of [...claims(input, 'topics'), ...claims(input, 'sources')]) {
    const other = taken.find((earlier) => clash(earlier, claim));
    if (!other) {
      taken.push(claim);
      continue;
    }
    const holder = `${formatPath(other.path)} has ${JSON.stringify(other.topic)} already`;
    found.push({
      path: claim.path,
      message: `found ${JSON.stringify(claim.topic)}, expected a topic of its own: ${holder}`,
    });
  }
  return found;
}

function claims(input: unknown, key: 'topics' | 'sources'): Claim[] {
  const list = (input as Record<string, unknown> | null | undefined)?.[key];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: { topic?: unknown } | null, index) =>
    typeof entry?.topic === 'string'
      ? [{ path: [key, index, 'topic'], topic: entry.topic, served: key === 'sources' }]
      : [],
  );
}

/** An exact name beside a declared pattern is settled, since the exact one wins; everything else that overlaps is not. */
function clash(a: Claim, b: Claim): boolean {
  const settled = !a.served && !b.served && hasParameters(a.topic) !== hasParameters(b.topic);
  return !settled && overlap(a.topic, b.topic);
}
