import type { Registry } from 'prom-client';
import type { HostReading } from '../source/readings.js';
import { addFamily, type Sample } from './families.js';

/** Further hosts are counted together, as `other`. */
const LABELLED_HOSTS = 100;

const CIRCUIT = { closed: 0, 'half-open': 1, open: 2 } as const;

export function addHostMetrics(registry: Registry, read: () => readonly HostReading[]): void {
  function ofHosts(
    name: string,
    help: string,
    /** Their labels are those besides that of the host. */
    samples: (reading: HostReading) => Sample[],
    labels: string[] = [],
  ): void {
    addFamily(registry, `host_${name}`, `${help}, by host`, ['host', ...labels], function* () {
      for (const [index, reading] of read().entries()) {
        const host = index < LABELLED_HOSTS ? reading.host : 'other';
        for (const [value, more] of samples(reading)) yield [value, { host, ...more }];
      }
    });
  }

  ofHosts(
    'requests_total',
    'Requests sent, by what became of them',
    ({ requests }) => Object.entries(requests).map(([outcome, count]) => [count, { outcome }]),
    ['outcome'],
  );
  ofHosts('refusals_total', 'Requests that were not sent', ({ refusals }) => [[refusals]]);
  ofHosts('retries_total', 'Requests sent once more after a failure', ({ retries }) => [[retries]]);
  ofHosts('pauses_total', 'Times the host asked to be left alone', ({ pauses }) => [[pauses]]);
  ofHosts('active', 'Requests under way', ({ active }) => [[active]]);
  ofHosts('waiting', 'Requests that wait for their turn', ({ waiting }) => [[waiting]]);
  ofHosts('paused_seconds', 'What is left of a pause', ({ paused }) => [[paused / 1000]]);
  ofHosts('circuit', '0 closed, 1 half-open, 2 open', ({ circuit }) => [[CIRCUIT[circuit]]]);
  ofHosts(
    'budget_left',
    'Requests that the budget allows now',
    ({ budgets }) => budgets.map(({ budget, left }) => [left, { budget }]),
    ['budget'],
  );
}
