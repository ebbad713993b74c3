import type { Socket } from 'node:net';
import { guarded } from './defect.js';
import type { DefectReporter } from './policy.js';

/** Whom one answer tells of what. It knows nothing of Node's request and response, as a stream outlives both. */
export class ResponseEvents {
  aborted: (() => void) | undefined;
  done: (() => void) | undefined;
  drained: (() => void) | undefined;
  /** The answer goes on without Node's response, whose end is not its end. */
  moved = false;
  readonly #report: DefectReporter;

  constructor(report: DefectReporter) {
    this.#report = report;
  }

  /** Everything written so far has left. */
  drain(socket: Socket): void {
    this.#run(this.drained, socket, 'stream drain');
  }

  /** Nothing of the answer waits here any more; if it is not `complete`, the client is gone. */
  close(socket: Socket, complete: boolean): void {
    const { aborted, done } = this;
    this.aborted = undefined;
    this.done = undefined;
    if (!complete) this.#run(aborted, socket, 'http abort');
    this.#run(done, socket, 'http done');
  }

  #run(work: (() => void) | undefined, socket: Socket, where: string): void {
    if (work) guarded(work, () => socket.destroy(), this.#report, where);
  }
}
