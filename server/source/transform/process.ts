import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { SourceError } from '../source-error.js';
import { labelOf, type TransformJob, type TransformReply } from './job.js';
import { TRANSFORM_MAIN, type TransformPlace } from './place.js';

/**
 * One process for one transform, started for the first job and kept warm. Values travel as JSON. What it prints goes to
 * the standard error of the server.
 */
export function processPlace(): TransformPlace {
  const children = new Set<ChildProcess>();
  let current: ChildProcess | undefined;

  function start(): ChildProcess {
    const child = fork(TRANSFORM_MAIN, {
      execArgv: [],
      serialization: 'json',
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    children.add(child);
    child.once('exit', () => {
      children.delete(child);
      if (current === child) current = undefined;
    });
    // It could not be started, or not be killed: the job that is affected hears of it by the exit or its deadline.
    child.on('error', () => {});
    return child;
  }

  function end(child: ChildProcess): void {
    if (current === child) current = undefined;
    child.kill('SIGKILL');
  }

  return {
    width: 1,
    async perform(job, signal, begun) {
      signal.throwIfAborted();
      current ??= start();
      return await ask(current, job, { signal, begun, end });
    },
    async close() {
      await Promise.all(
        [...children].map(async (child) => {
          const exited = once(child, 'exit');
          end(child);
          await exited;
        }),
      );
    },
  };
}

function ask(
  child: ChildProcess,
  job: TransformJob,
  { signal, begun, end }: { signal: AbortSignal; begun: () => void; end: (child: ChildProcess) => void },
): Promise<TransformReply> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => {
      child.off('message', onReply);
      child.off('exit', onExit);
      child.off('error', onError);
      signal.removeEventListener('abort', onAbort);
      done();
    };
    const onReply = (message: unknown) => {
      if (message === true) begun();
      else settle(() => resolve(message as TransformReply));
    };
    const onExit = (code: number | null, killedBy: string | null) =>
      settle(() => reject(died(job, killedBy ?? `exit code ${code}`)));
    const onError = (cause: Error) => settle(() => reject(died(job, cause.message, cause)));
    const onAbort = () =>
      settle(() => {
        end(child);
        reject(signal.reason);
      });
    child.on('message', onReply);
    child.on('exit', onExit);
    child.on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    child.send(job, (error) => {
      // The exit, which says more, may still be on its way; a process that cannot be sent to is of no use.
      if (error) end(child);
    });
  });
}

function died({ module }: TransformJob, how: string, cause?: Error): SourceError {
  return new SourceError(`${labelOf(module)} ended its process (${how})`, { cause });
}
