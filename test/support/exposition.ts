/** One series of a scrape. */
export interface Series {
  /** With the suffix that a histogram or summary gives it. */
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface MetricFamily {
  type: string;
  help: string;
  series: Series[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,?)/;
const VALUE = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/**
 * Reads the Prometheus text format 0.0.4, more strictly than Prometheus does: HELP and TYPE come once and before the
 * samples of their family, which stand together; no series comes twice; histograms add up.
 * @throws {Error} with the line that is wrong
 */
export function parseExposition(text: string): Map<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, MetricFamily>();
  const seen = new Set<string>();
  let help: { name: string; text: string } | undefined;
  let current: { name: string; family: MetricFamily } | undefined;

  for (const line of text.split('\n')) {
    const wrong = (what: string) => new Error(`${what}: ${line}`);
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (help || families.has(name)) throw wrong('a second HELP');
      if (/\\(?![\\n])/.test(rest)) throw wrong('a bad escape');
      help = { name, text: rest };
      continue;
    }
    if (keyword === 'TYPE') {
      if (help?.name !== name) throw wrong('a TYPE without its HELP');
      if (!TYPES.includes(rest)) throw wrong('an unknown type');
      current = { name, family: { type: rest, help: help.text, series: [] } };
      families.set(name, current.family);
      help = undefined;
      continue;
    }
    if (line.startsWith('#')) throw wrong('neither HELP nor TYPE');
    const series = parseSeries(line);
    if (!current || help) throw wrong('a sample without a TYPE');
    const suffix = series.name.startsWith(current.name) ? series.name.slice(current.name.length) : undefined;
    if (suffix === undefined || !(SUFFIXES[current.family.type] ?? ['']).includes(suffix))
      throw wrong(`a sample among those of ${current.name}`);
    const key = JSON.stringify([series.name, Object.entries(series.labels).sort()]);
    if (seen.has(key)) throw wrong('a second sample of one series');
    seen.add(key);
    current.family.series.push(series);
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

function parseSeries(line: string): Series {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no name: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    let more = true;
    while (more) {
      const found = LABEL.exec(rest);
      if (!found) throw new Error(`a bad label: ${line}`);
      const [all, label = '', value = '', comma] = found;
      if (Object.hasOwn(labels, label)) throw new Error(`a label twice: ${line}`);
      labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
      rest = rest.slice(all.length);
      more = comma === ',';
    }
    if (!rest.startsWith('}')) throw new Error(`labels that do not end: ${line}`);
    rest = rest.slice(1);
  }
  if (!rest.startsWith(' ') || !VALUE.test(rest.slice(1))) throw new Error(`a bad value: ${line}`);
  return { name, labels, value: Number(rest.slice(1).replace('Inf', 'Infinity')) };
}

/** The buckets of each histogram rise to the count, which is in the last one. */
function checkHistogram(name: string, { series }: MetricFamily): void {
  const groups = new Map<string, { bound: number; count: number }[]>();
  const keyOf = (labels: Record<string, string>) => JSON.stringify(Object.entries(labels).sort());
  for (const { name: full, labels, value } of series) {
    if (full !== `${name}_bucket`) continue;
    const { le = '', ...others } = labels;
    const buckets = groups.get(keyOf(others)) ?? [];
    groups.set(keyOf(others), buckets);
    buckets.push({ bound: Number(le.replace('Inf', 'Infinity')), count: value });
  }
  for (const { name: full, labels, value } of series) {
    if (full !== `${name}_count`) continue;
    const buckets = groups.get(keyOf(labels)) ?? [];
    const rising = buckets.every(
      ({ bound, count }, index) =>
        index === 0 || (bound > buckets[index - 1]!.bound && count >= buckets[index - 1]!.count),
    );
    const last = buckets.at(-1);
    if (!rising || last?.bound !== Number.POSITIVE_INFINITY || last.count !== value)
      throw new Error(`the buckets of ${name} do not add up`);
  }
}
