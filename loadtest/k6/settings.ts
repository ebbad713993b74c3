import type { Scenario, Threshold } from 'k6/options';

/** What the environment says (`-e NAME=value`); each has a default for a server on this machine. */
export const URL = __ENV.URL ?? 'http://127.0.0.1:8080';
export const TOPIC = __ENV.TOPIC ?? 'load';
/** The right to publish, where the server asks for it. */
export const TOKEN = __ENV.TOKEN;
/** Readers. */
const VUS = Number(__ENV.VUS ?? 100);
/** Publications a second; 0: somebody else publishes. */
const RATE = Number(__ENV.RATE ?? 10);
const DURATION = __ENV.DURATION ?? '30s';
/** What 99 of 100 updates must not take, in ms. */
const DELAY = Number(__ENV.DELAY ?? 1_000);

/** What a reader of either kind must meet. */
const READER_THRESHOLDS: Record<string, Threshold[]> = {
  holes: ['count==0'],
  duplicates: ['count==0'],
  faults: ['count==0'],
  updates: ['count>0'],
  delay: [`p(99)<${DELAY}`],
};
export const PUBLISHER_THRESHOLDS: Record<string, Threshold[]> = {
  refused: ['count==0'],
  published: ['count>0'],
};

export const PUBLISHER: Scenario = {
  executor: 'constant-arrival-rate',
  exec: 'publish',
  rate: RATE,
  timeUnit: '1s',
  duration: DURATION,
  preAllocatedVUs: 10,
};

/** Readers that run `exec` over and over, and a publisher beside them unless there is one already. */
export function readersOptions(exec: string): {
  scenarios: Record<string, Scenario>;
  thresholds: Record<string, Threshold[]>;
} {
  const readers: Scenario = { executor: 'constant-vus', exec, vus: VUS, duration: DURATION };
  if (RATE === 0) return { scenarios: { readers }, thresholds: READER_THRESHOLDS };
  return {
    scenarios: { readers, publisher: PUBLISHER },
    thresholds: { ...READER_THRESHOLDS, ...PUBLISHER_THRESHOLDS },
  };
}
