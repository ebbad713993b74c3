import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PolicyName } from '../../test/support/policies.js';
import { createRandom, type Random } from './random.js';
import { slopeOf } from './slope.js';

/** Between two looks at the memory of the server, in ms. */
const SAMPLE = 3_000;
/** What the first minutes fill tells nothing: this part of the time, at least. */
const WARM_UP = 0.3;
/** Growth that the measure swallows, in KB a minute: pages come and go by more than that. */
const FLAT = 512;
/** Crowds at a time, each a process of many clients. */
const CROWDS = 3;
/** The longest that a crowd lives, in ms. */
const LIFE = 4_000;

const JITI = createRequire(import.meta.url)
  .resolve('jiti/package.json')
  .replace('package.json', 'lib/jiti-cli.mjs');

export interface SoakResult {
  readonly flat: boolean;
  readonly text: string;
}

/**
 * Runs a server in a process of its own for `minutes`, with crowds of clients that die at random: their sockets in the middle of
 * something, and whole processes by SIGKILL. Then says how fast the server's memory grew. Linux alone tells of that.
 */
export async function soak(options: {
  minutes: number;
  seed: number;
  policy: PolicyName;
}): Promise<SoakResult> {
  const { minutes, seed, policy } = options;
  const random = createRandom(seed);
  const server = start('soak-server.ts', [policy]);
  const port = await firstLineOf(server);
  const until = Date.now() + minutes * 60_000;
  let killed = 0;
  const crowds = Array.from({ length: CROWDS }, (_, n) => keepCrowds(random.fork(`crowd ${n}`)));
  const samples: { x: number; y: number }[] = [];
  while (Date.now() < until && server.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE));
    const kilobytes = residentOf(server.pid!);
    samples.push({ x: (Date.now() - until) / 60_000 + minutes, y: kilobytes });
    console.log(`${samples.at(-1)!.x.toFixed(2)} min  ${kilobytes} KB  ${killed} processes killed`);
  }
  await Promise.all(crowds);
  const died = server.exitCode !== null;
  const complaints = died ? `the server ended with ${server.exitCode}` : await stop(server);

  const settled = samples.filter(({ x }) => x > minutes * WARM_UP);
  const slope = settled.length > 2 ? slopeOf(settled) : Number.NaN;
  const text = `${policy}: ${slope.toFixed(0)} KB a minute over ${(minutes * (1 - WARM_UP)).toFixed(1)} min after warm-up, from ${settled[0]?.y} to ${settled.at(-1)?.y} KB; ${killed} processes killed${complaints ? `; ${complaints}` : ''}`;
  return { flat: slope < FLAT && complaints === '', text };

  async function keepCrowds(chance: Random): Promise<void> {
    for (let _n = 0; Date.now() < until; _n++) {
      const crowd = start('soak-crowd.ts', [port, String(chance.int(0, 2 ** 30))]);
      const gone = once(crowd, 'exit');
      await Promise.race([
        gone,
        new Promise((resolve) => setTimeout(resolve, chance.int(LIFE / 4, LIFE) + START_UP)),
      ]);
      crowd.kill('SIGKILL');
      await gone;
      killed += 1;
    }
  }
}

/** Until a process has begun, in ms. */
const START_UP = 1_500;

function start(program: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return spawn(process.execPath, [JITI, path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function firstLineOf(child: ChildProcess): Promise<string> {
  const [bytes] = (await once(child.stdout!, 'data')) as [Buffer];
  return String(bytes).trim();
}

/** Asks the server to close, and gives what it says is left over. */
async function stop(server: ChildProcess): Promise<string> {
  let said = '';
  server.stdout!.on('data', (bytes) => {
    said += bytes;
  });
  const ended = once(server, 'exit');
  server.stdin!.end();
  const [code] = (await ended) as [number | null];
  return code === 0 ? '' : `the server ended with ${code}: ${said.trim()}`;
}

function residentOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
