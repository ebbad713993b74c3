import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./crowd.mjs', import.meta.url));

/** What all clients of a crowd hold, and what they met since the last report. */
export interface CrowdReport {
  /** How many clients hold each state: `epoch:version value`, and their number. */
  readonly holds: readonly [state: string, clients: number][];
  readonly connected: number;
  /** Of the last time they came. */
  readonly resumed: number;
  /** The `reconnectAfter` that each was told, in ms. */
  readonly hints: readonly number[];
  /** How many connections ended with each close code. */
  readonly codes: Readonly<Record<string, number>>;
  readonly values: number;
  readonly patches: number;
  /** Holes, duplicates and whatever else no client must see. */
  readonly faults: readonly string[];
  /** Milliseconds until it was so. */
  readonly elapsed: number;
}

/** WebSocket clients in a process of their own, that hold on to what they have while they are away. */
export interface Crowd {
  /** All connect, resume and catch up, at most `window` on their way at a time. */
  come(port: number, topic: string, window: number): Promise<CrowdReport>;
  /** Resolves when every client holds that version. */
  settle(version: number): Promise<CrowdReport>;
  /** Resolves when every connection has ended. */
  gone(): Promise<CrowdReport>;
}

/** Sockets that a crowd and its server need of the system beyond one a client. */
const SPARE = 500;

/** Why a crowd of that size cannot be had here, or `undefined` if it can. */
export function crowdIsTooLarge(size: number): string | undefined {
  const most = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim();
  if (most === 'unlimited' || Number(most) >= size + SPARE) return undefined;
  return `${size} connections need more open files than the ${most} allowed here (ulimit -Hn)`;
}

/** Ends with the test. */
export async function gatherCrowd(size: number): Promise<Crowd> {
  const child = fork(PROGRAM, [String(size)]);
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await once(child, 'message');
  const ask = async (question: object) => {
    const answer = once(child, 'message') as Promise<[CrowdReport]>;
    child.send(question);
    return (await Promise.race([answer, failure(child)]))[0];
  };
  return {
    come: (port, topic, window) => ask({ come: { port, topic, window } }),
    settle: (version) => ask({ settle: version }),
    gone: () => ask({ awaitDeparture: true }),
  };
}

async function failure(child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, 'exit');
  throw new Error(`the crowd ended (${signal ?? code})`);
}
