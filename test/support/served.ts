import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Run, run } from './cli.js';
import { AUTHORIZED } from './server.js';

/** A server that runs as the command. */
export interface Served {
  readonly run: Run;
  readonly url: string;
  readonly port: number;
  /** Publishes a state and resolves with its version. */
  put(topic: string, value: unknown): Promise<number>;
  /** One number of `/metrics`. */
  metric(name: string): Promise<number>;
}

/** Runs `headwater serve` in `folder` with this configuration (JSON); killed when the test has finished. */
export async function serve(folder: string, config: object): Promise<Served> {
  await writeFile(join(folder, 'headwater.config.json'), JSON.stringify(config));
  const process = run(['serve'], { cwd: folder });
  onTestFinished(async () => {
    process.process.kill('SIGKILL');
    await process.ended;
  });
  const [, url] = await process.says(/"listener":"http","url":"([^"]+)"/);
  return {
    run: process,
    url: url!,
    port: Number(new URL(url!).port),
    async put(topic, value) {
      const headers = { ...AUTHORIZED, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/topics/${topic}`, {
        method: 'PUT',
        headers,
        body: JSON.stringify(value),
      });
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
      return ((await answer.json()) as { version: number }).version;
    },
    async metric(name) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(text) ?? [];
      if (value === undefined) throw new Error(`/metrics has no ${name}`);
      return Number(value);
    },
  };
}
