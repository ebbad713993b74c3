import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** Whether this process may make networks (Linux, iproute2, root). */
export function mayMakeNetworks(): boolean {
  const name = `hw-may-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return false;
  ip('netns', 'delete', name);
  return true;
}

export interface CuttableNetwork {
  /** This end, to listen on. */
  readonly host: string;
  /** Starts a program at the other end, which is killed when the test has finished. */
  start(program: string, args: readonly string[]): ChildProcess;
  /** From now on whatever either end sends is lost. */
  cut(): void;
}

let count = 0;

/** A machine of its own on a cable that can be pulled: nobody is told. Gone when the test has finished. */
export function cuttableNetwork(): CuttableNetwork {
  const name = `hw${process.pid}n${++count}`;
  const [near, far] = [`${name}a`, `${name}b`];
  const subnet = `10.${200 + (count % 50)}.${process.pid % 256}`;
  const host = `${subnet}.1`;
  ip('netns', 'add', name);
  onTestFinished(() => ip('netns', 'delete', name));
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
  // A connection that still tries to end would keep it.
  onTestFinished(() => ip('link', 'delete', near));
  ip('address', 'add', `${host}/30`, 'dev', near);
  ip('link', 'set', near, 'up');
  ip('-n', name, 'address', 'add', `${subnet}.2/30`, 'dev', far);
  ip('-n', name, 'link', 'set', far, 'up');
  return {
    host,
    start(program, args) {
      const child = spawn('ip', ['netns', 'exec', name, program, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      });
      return child;
    },
    cut: () => ip('-n', name, 'link', 'set', far, 'down'),
  };
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
