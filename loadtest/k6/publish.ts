/** Publishes a state at a steady rate. `k6 run loadtest/k6/publish.ts` */
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { PUBLISHER, PUBLISHER_THRESHOLDS, TOKEN, TOPIC, URL } from './settings.ts';

/** Publications that the server did not take, or gave a version before one it gave already. */
const refused = new Counter('refused');
const published = new Counter('published');

export const options = { scenarios: { publisher: PUBLISHER }, thresholds: PUBLISHER_THRESHOLDS };

const headers: Record<string, string> = { 'content-type': 'application/json' };
if (TOKEN) headers.authorization = `Bearer ${TOKEN}`;

/** The last that this virtual user was told. */
let latest = 0;

export function publish(): void {
  const value = { n: exec.scenario.iterationInTest, note: 'published by k6' };
  const answer = http.put(`${URL}/topics/${TOPIC}`, JSON.stringify(value), {
    headers,
    tags: { name: 'publish' },
  });
  const version = answer.status === 200 ? Number(answer.json('version')) : 0;
  if (version <= latest) {
    refused.add(1);
    console.error(`publish: ${answer.status} ${answer.error} version ${version} after ${latest}`);
    return;
  }
  latest = version;
  published.add(1);
}
