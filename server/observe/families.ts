import { Counter, Gauge, type Registry } from 'prom-client';

/** One value and its labels. */
export type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

/**
 * Adds a family of metrics whose values are kept elsewhere and read at each scrape: a counter where the name ends in
 * `_total`, otherwise a gauge. Samples of equal labels are added up.
 */
export function addFamily(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  samples: () => Iterable<Sample>,
): void {
  new (name.endsWith('_total') ? Counter : Gauge)({
    name: `headwater_${name}`,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, labels = {}] of samples()) this.inc(labels, value);
    },
  });
}

/** Adds a metric without labels. */
export function addSingle(registry: Registry, name: string, help: string, value: () => number): void {
  addFamily(registry, name, help, [], () => [[value()]]);
}

const QUANTILES = [0.5, 0.9, 0.99, 1];

/**
 * A crowd as it stands, by `quantile`, in seconds of times that are milliseconds; nothing of none. For gauges: unlike a
 * histogram it could not be added up over time.
 */
export function quantileSamples(
  times: Iterable<number>,
  labels: Readonly<Record<string, string>> = {},
): Sample[] {
  const sorted = Float64Array.from(times).sort();
  if (sorted.length === 0) return [];
  return QUANTILES.map((quantile): Sample => {
    const time = sorted[Math.ceil(quantile * sorted.length) - 1]!;
    return [time / 1000, { ...labels, quantile: String(quantile) }];
  });
}
