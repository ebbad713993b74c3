import { readdirSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { liveTasks } from '../../server/async/registry.js';

/** What a process holds, by kind. */
type Holdings = ReadonlyMap<string, number>;

/** How long what is on its way out may take to be gone, in ms. */
const PATIENCE = 20_000;
const STEP = 5;

/** Pipes of the console and the engine's own threads of work come and go by themselves. */
const NOT_HELD = new Set(['FSReqCallback', 'FSReqPromise', 'TTYWrap', 'PipeWrap']);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Timers, sockets, processes, threads and tasks of this process that are alive now. */
export function holdings(): Holdings {
  const held = new Map<string, number>();
  const count = (kind: string) => held.set(kind, (held.get(kind) ?? 0) + 1);
  for (const kind of process.getActiveResourcesInfo()) if (!NOT_HELD.has(kind)) count(kind);
  for (const { name } of liveTasks()) count(`task ${name}`);
  for (const kind of openFiles()) count(kind);
  return held;
}

/** Waits until nothing is held beyond what was held `before`. Returns what is left over, as text; empty is good. */
export async function leftOver(before: Holdings): Promise<string> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const left = surplus(before, holdings());
    if (left === '' || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, STEP));
  }
}

/** Collects all garbage; what a turn of the event loop has touched through a `WeakRef` is garbage only after it. */
export async function collectGarbage(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
}

/** Bytes that this process can reach, after a collection. */
export async function reachableBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function surplus(before: Holdings, after: Holdings): string {
  return [...after]
    .map(([kind, count]) => ({ kind, more: count - (before.get(kind) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ kind, more }) => `${more} x ${kind}`)
    .join(', ');
}

/** uWebSockets.js keeps its sockets from Node: on Linux the kernel tells of them all the same. */
function openFiles(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith('socket:') ? ['open socket'] : [];
    } catch {
      // The descriptor with which the folder itself was read.
      return [];
    }
  });
}
