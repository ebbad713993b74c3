import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { pipeline } from '../../server/index.js';
import { fileSink } from '../../server/source/sink/file.js';
import { until } from '../support/scripted-servers.js';
import { startServer } from '../support/server.js';

it('a pipeline fetches, parses, transforms and stores, under the eyes of the metrics', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'headwater-pipeline-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  let inWork = 0;
  let most = 0;
  let see = () => {};
  const seen = new Promise<void>((resolve) => {
    see = resolve;
  });
  const upstream = createServer((request, response) => {
    inWork += 1;
    most = Math.max(most, inWork);
    void (async () => {
      // As many as may be are in work at some time, however slowly they come.
      await until(() => expect(most).toBeGreaterThanOrEqual(4));
      if (request.url === '/19') await seen;
      inWork -= 1;
      response.end(request.url === '/3' ? '{' : `{"path":"${request.url}"}`);
    })();
  });
  await new Promise<void>((listening) => upstream.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void upstream.close());
  const { port } = upstream.address() as { port: number };
  const { url } = await startServer({});

  const failed: unknown[] = [];
  const pipe = pipeline<number>({ name: 'pages', onFailure: ({ stage, item }) => failed.push([stage, item]) })
    .stage('fetch', (n, { signal }) => fetch(`http://127.0.0.1:${port}/${n}`, { signal }), { concurrency: 4 })
    .stage('parse', (response) => response.json() as Promise<{ path: string }>)
    .stage('transform', ({ path }) => ({ n: Number(path.slice(1)) }))
    .stage('sink', async (value, { signal }) => {
      await fileSink(join(directory, `${value.n}.json`)).write([{ value, asOf: Date.now() }], signal);
    })
    .start();
  const running = pipe.run(Array.from({ length: 20 }, (_, n) => n));

  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  await until(async () => {
    expect(await metrics()).toMatch(/^headwater_pipeline_out_total\{pipeline="pages",stage="sink"\} [1-9]/m);
  });
  see();
  await running;
  expect(most).toBe(4);
  expect(failed).toEqual([['parse', expect.any(Response)]]);
  expect(pipe.stages.map(({ stage, out, failures }) => [stage, out, failures])).toEqual([
    ['fetch', 20, 0],
    ['parse', 19, 1],
    ['transform', 19, 0],
    ['sink', 19, 0],
  ]);
  expect(await readFile(join(directory, '19.json'), 'utf8')).toBe('{"n":19}\n');
});
