import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The command as it was built: `npm test` builds it first. */
export const BIN = fileURLToPath(new URL('../../dist/server/cli/main.js', import.meta.url));

/** A run of the command. */
export interface Run {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves with what both streams said so far, once it matches; rejects if the command ends before. */
  says(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves with the exit code, or the signal that ended it, when everything was read. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** A program and arguments to run the command under, as a terminal. */
  under?: (command: readonly string[]) => readonly string[];
}

/** Starts `headwater` with these arguments. */
export function run(args: readonly string[], options?: RunOptions): Run {
  return runScript(BIN, args, options);
}

/** Runs a script with Node. The environment has nothing of the outer one that would configure Headwater. */
export function runScript(
  script: string,
  args: readonly string[] = [],
  { cwd, env = {}, under = (command) => command }: RunOptions = {},
): Run {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HEADWATER_'));
  const [program, ...rest] = under([process.execPath, script, ...args]);
  const child = spawn(program!, rest, {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  const heard = () => {
    for (const check of [...waiting]) check();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);

  return {
    process: child,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended,
    says(pattern) {
      return new Promise((resolve, reject) => {
        const check = () => {
          const match = `${stdout}${stderr}`.match(pattern);
          if (!match) return;
          waiting.delete(check);
          resolve(match);
        };
        waiting.add(check);
        check();
        void ended.then((code) =>
          reject(new Error(`ended with ${code} before it said ${pattern}:\n${stdout}${stderr}`)),
        );
      });
    },
  };
}
