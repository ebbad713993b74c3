import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Json } from '../../shared/json.js';
import { Inbox } from './inbox.js';

export interface CrowdOptions {
  port: number;
  /** How many readers over WebSocket, and how many over one event stream each. */
  websockets: number;
  streams: number;
  /** What each of them reads. */
  topics: readonly string[];
}

/** What a crowd holds. */
export interface CrowdReport {
  /** How many readers hold the same, by {@link holding}. */
  holds: Record<string, number>;
  /** Gaps that readers were told of. */
  gaps: number;
  /** Holes, duplicates and steps back: the first few. */
  faults: string[];
  /** Readers whose connection has ended. */
  closed: number;
}

/** Readers in a process of their own, so that reading takes nothing from the server under test. */
export interface Crowd {
  /** Stops reading, all of them. */
  pause(): Promise<CrowdReport>;
  resume(): Promise<CrowdReport>;
  report(): Promise<CrowdReport>;
  /** Stops the process itself: its kernel still takes what is sent, and nobody answers. */
  freeze(): void;
  /** Resolves when every one of them has got that very version of a topic. */
  reached(topic: string, version: number): Promise<void>;
}

type Said = { done: string; report: CrowdReport } | { reached: string };

const LIMIT = 50_000;

/** Opens a crowd that has subscribed when this resolves; it is gone when the test has finished. */
export async function openCrowd(options: CrowdOptions): Promise<Crowd> {
  const child: ChildProcess = fork(fileURLToPath(new URL('readers.mjs', import.meta.url)), [
    JSON.stringify(options),
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const done = new Inbox<{ done: string; report: CrowdReport }>();
  const reached = new Set<string>();
  let wake = (): void => {};
  child.on('message', (said: Said) => {
    if ('done' in said) {
      done.push(said);
      return;
    }
    reached.add(said.reached);
    wake();
  });
  child.once('exit', (code) => done.end(`the crowd ended with ${code}`));
  const ask = async (command: string): Promise<CrowdReport> => {
    child.send(command);
    return (await done.nextWhere((said) => said.done === command, LIMIT)).report;
  };
  await done.nextWhere((said) => said.done === 'open', LIMIT);
  return {
    pause: () => ask('pause'),
    resume: () => ask('resume'),
    report: () => ask('report'),
    freeze: () => void child.kill('SIGSTOP'),
    async reached(topic, version) {
      while (!reached.has(`${topic}:${version}`)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

/** How a report names what a reader holds of a topic. */
export function holding(topic: string, version: number, value: Json | undefined): string {
  const text = value === undefined ? '' : JSON.stringify(value);
  return `${topic}:${version}:${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
