import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { PolicyName } from '../../test/support/policies.js';
import { createRandom, type Random } from './random.js';
import { startProgram, told } from './soak-process.js';
import { judgeSoak, type MemorySample } from './soak-verdict.js';

/** How often the load stops for a measurement. */
const ROUNDS = 40;
/** A round is not shorter, in ms: a crowd needs a second to begin. */
const SHORTEST_ROUND = 3_000;
/** Crowds at a time, each a process of many clients. */
const CROWDS = 3;
/** Until a crowd's process has begun, in ms, and how long it may live after that. */
const START_UP = 1_000;
const LIFE = 4_000;
/** Between two looks at the memory under load, in ms. */
const LOOK = 250;
const MB = 1024 * 1024;

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly policy: PolicyName;
  /** The server's program, run with the name of the policy. Default: `soak-server.ts`. */
  readonly program?: URL;
}

export interface SoakResult {
  readonly passed: boolean;
  readonly text: string;
}

/**
 * Runs a server in a process of its own for `minutes`, under crowds of clients that die at random: their sockets in the middle of
 * something, and whole processes by SIGKILL. After each round all clients are gone, and the memory that the server holds after a
 * collection is compared with that after the other rounds. Linux only.
 *
 * @throws {Error} when the server ends, or keeps clients that are gone
 */
export async function soak({ minutes, seed, policy, program }: SoakOptions): Promise<SoakResult> {
  const random = createRandom(seed);
  const server = startProgram(program ?? new URL('soak-server.ts', import.meta.url), [policy]);
  const samples: MemorySample[] = [];
  const underLoad: number[] = [];
  let killed = 0;
  try {
    const { port } = await told(server, 'port');
    const began = Date.now();
    const round = Math.max(SHORTEST_ROUND, (minutes * 60_000) / ROUNDS);
    while (Date.now() < began + minutes * 60_000) {
      const until = Date.now() + round;
      const looking = setInterval(() => {
        if (isAlive(server)) underLoad.push(residentOf(server));
      }, LOOK);
      const crowds = Array.from({ length: CROWDS }, () =>
        keepCrowds(port, random.fork(`${samples.length} ${random.next()}`), until),
      );
      try {
        killed += (await Promise.all(crowds)).reduce((sum, count) => sum + count, 0);
      } finally {
        clearInterval(looking);
      }
      samples.push(await measure(server, (Date.now() - began) / 60_000));
    }
  } finally {
    if (server.connected) server.disconnect();
  }
  if (server.exitCode === null) await once(server, 'exit');
  const { passed, text } = judgeSoak(samples);
  const range = `${(Math.min(...underLoad) / MB).toFixed(0)} to ${(Math.max(...underLoad) / MB).toFixed(0)} MB`;
  return {
    passed: passed && server.exitCode === 0,
    text: `${text}; ${range} under load; ${killed} processes killed on ${policy}${server.exitCode === 0 ? '' : `; the server ended with ${server.exitCode}`}`,
  };
}

/** Starts crowds and kills them, one after another. Returns how many. */
async function keepCrowds(port: number, chance: Random, until: number): Promise<number> {
  let killed = 0;
  for (; Date.now() < until; killed++) {
    const crowd = startProgram(new URL('soak-crowd.ts', import.meta.url), [
      String(port),
      String(chance.int(0, 2 ** 30)),
    ]);
    const life = START_UP + chance.int(LIFE / 4, LIFE);
    await new Promise((resolve) => setTimeout(resolve, Math.min(life, until - Date.now())));
    crowd.kill('SIGKILL');
    if (crowd.exitCode === null && crowd.signalCode === null) await once(crowd, 'exit');
  }
  return killed;
}

async function measure(server: ChildProcess, minutes: number): Promise<MemorySample> {
  server.send('measure');
  const { connections, reachable, resident } = await told(server, 'resident');
  console.log(
    `${minutes.toFixed(2).padStart(6)} min  reachable ${(reachable / MB).toFixed(2)} MB, resident ${(resident / MB).toFixed(1)} MB`,
  );
  if (connections > 0)
    throw new Error(`the server still counts ${connections} connections of clients that were killed`);
  return { minutes, reachable, resident };
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

function residentOf({ pid }: ChildProcess): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
