import type { Distribution } from '../async/distribution.js';

/**
 * A histogram in seconds, in the Prometheus text format 0.0.4, of what was counted in milliseconds. Written here, because
 * that of prom-client counts for itself, which would cost each value a walk through its labels.
 */
export function histogramText(
  name: string,
  help: string,
  { bounds, counts, sum }: Readonly<Distribution>,
): string {
  const lines = [`# HELP headwater_${name} ${help}`, `# TYPE headwater_${name} histogram`];
  let count = 0;
  for (const [index, inBucket] of counts.entries()) {
    count += inBucket;
    const bound = bounds[index];
    lines.push(`headwater_${name}_bucket{le="${bound === undefined ? '+Inf' : bound / 1000}"} ${count}`);
  }
  lines.push(`headwater_${name}_sum ${sum / 1000}`, `headwater_${name}_count ${count}`);
  return lines.join('\n');
}
