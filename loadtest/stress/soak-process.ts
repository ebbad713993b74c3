import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const JITI = createRequire(import.meta.url)
  .resolve('jiti/package.json')
  .replace('package.json', 'lib/jiti-cli.mjs');

/** What the server of a soak tells: where it listens, and what it holds when it was asked. */
export type SoakMessage =
  | { readonly port: number }
  | {
      /** Clients that it has not let go of. */
      readonly connections: number;
      /** Bytes. */
      readonly reachable: number;
      /** Without pages of files, which the kernel takes back and reads again as it likes. */
      readonly resident: number;
    };

/** Runs a TypeScript program in a process of its own, with a channel for messages. */
export function startProgram(program: URL, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [JITI, fileURLToPath(program), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** The next message of a kind. @throws {Error} when the process ends instead */
export async function told<Key extends 'port' | 'resident'>(
  child: ChildProcess,
  key: Key,
): Promise<Extract<SoakMessage, Record<Key, number>>> {
  const stop = new AbortController();
  try {
    const heard = once(child, 'message', { signal: stop.signal }) as Promise<[SoakMessage]>;
    const ended = once(child, 'exit', { signal: stop.signal }).then(([code]) => {
      throw new Error(`the server of the soak ended with ${code} before it told its ${key}`);
    });
    const [message] = await Promise.race([heard, ended]);
    return message as Extract<SoakMessage, Record<Key, number>>;
  } finally {
    stop.abort();
  }
}
