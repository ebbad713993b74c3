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
