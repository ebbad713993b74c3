import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

interface Kept {
  results: {
    raw: { case: string; transport: string; side: string; figures?: Record<string, number> }[];
  }[];
}

const hasCompiler = spawnSync('cc', ['--version']).status === 0;
if (!hasCompiler)
  console.warn('skipped: the benchmarks need a C compiler for their load (apt-get install gcc libc6-dev)');

const OURS = ['headwater-uws', 'headwater-libuv'];
/** All that comes with npm. */
const OTHERS = ['uws-publish', 'uws-loop', 'uws-sse', 'ws-naive', 'ws-framed', 'node-sse', 'socket.io'];
const OTHER_CASES = [
  'highrate',
  'topics',
  'document',
  'latency',
  'latency-events',
  'memory',
  'connect',
  'resume',
];

/** Exits 0 only where each run delivered every message, once and in order; what it prints says which did not. */
async function smoke(cases: readonly string[], sides: readonly string[]): Promise<Kept> {
  const args = ['loadtest/bench/bench.mjs', '--smoke', '--case', cases.join(), '--side', sides.join()];
  await promisify(execFile)(process.execPath, args).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${error.stderr}${error.stdout}`);
  });
  return JSON.parse(readFileSync('loadtest/results/smoke.json', 'utf8')) as Kept;
}

describe.skipIf(!hasCompiler)('the benchmarks', () => {
  it('still run on every server that comes with npm', async () => {
    const { results } = await smoke(['fanout'], [...OURS, ...OTHERS]);
    const measured = results[0]!.raw.map(({ side }) => side);
    expect(new Set(measured)).toEqual(new Set([...OURS, ...OTHERS]));
    for (const { figures } of results[0]!.raw) expect(figures!.cpuMicros).toBeGreaterThan(0);
  }, 900_000);

  it('still run in every case, over WebSocket and event streams', async () => {
    const { results } = await smoke(OTHER_CASES, OURS);
    const measured = results
      .flatMap(({ raw }) => raw)
      .map((run) => [run.case, run.transport, run.side].join(' '));
    expect(measured).toEqual(
      OTHER_CASES.flatMap((name) =>
        ['ws', 'sse'].flatMap((transport) => OURS.map((side) => [name, transport, side].join(' '))),
      ),
    );
  }, 900_000);
});
