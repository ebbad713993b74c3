import { isMainThread, type MessagePort } from 'node:worker_threads';
import { performTransform, type TransformJob, type TransformReply } from './job.js';

/** What a thread of a pool does, again and again. `begun` gets a message when the call begins. */
export function perform(job: TransformJob & { begun: MessagePort }): Promise<TransformReply> {
  return performTransform(job, () => {
    job.begun.postMessage(true);
    return AbortSignal.timeout(job.timeout);
  }).finally(() => job.begun.close());
}

/** The same for a process: a job comes in, `true` goes out when the call begins, and the reply at its end. */
function serveParent(send: NonNullable<typeof process.send>): void {
  // The server ends this process. A signal to the whole group, as of Ctrl-C, is for the server.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});
  process.on('disconnect', () => process.exit());
  process.on('message', async (job: TransformJob) => {
    const reply = await performTransform(job, async () => {
      // Sent before the call, which may never let go of this thread again.
      await new Promise((sent) => send(true, sent));
      return AbortSignal.timeout(job.timeout);
    });
    send(reply);
  });
}

if (isMainThread && process.send) serveParent(process.send.bind(process));
