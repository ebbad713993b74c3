import { guarded } from './defect.js';
import type { DefectReporter } from './policy.js';
import type { UwsResponse } from './uws-native.js';
import type { UwsExchange } from './uws-request.js';

/**
 * What lasts as long as an answer does, and is all that uWebSockets.js holds on to meanwhile: of a stream's request
 * nothing stays in memory. Any use of a response after its end throws.
 */
export class UwsLife {
  /** The client is there and the answer not complete. */
  live = true;
  /** The client went away. */
  gone = false;
  /** Runs first as the connection is lost or the answer complete. */
  onEnd: (() => void) | undefined;
  /** Told of a client that went away, before `aborted`. Undefined once nobody reads the request any more. */
  reader: { abort(): void } | undefined;
  /** The streams that it is one of. */
  among: Set<UwsLife> | undefined;
  readonly remoteAddress: string;
  aborted: (() => void) | undefined;
  done: (() => void) | undefined;
  readonly #res: UwsResponse;
  readonly report: DefectReporter;

  constructor(res: UwsResponse, exchange: UwsExchange, report: DefectReporter) {
    this.#res = res;
    this.reader = exchange;
    this.remoteAddress = exchange.request.remoteAddress;
    this.report = report;
    res.onAborted(() => this.#abort());
  }

  /** The answer is complete. */
  end(): void {
    this.live = false;
    this.among?.delete(this);
    this.onEnd?.();
    this.#run(this.done, 'http done');
    this.done = undefined;
  }

  /** Cuts the connection without a word, unless it is gone. */
  cut(): void {
    if (!this.live) return;
    this.aborted = undefined;
    // Calls `#abort` before it returns.
    this.#res.close();
  }

  /** The client has gone away without a word. */
  vanish(): void {
    if (this.live) this.#res.close();
  }

  #abort(): void {
    this.gone = true;
    this.end();
    this.reader?.abort();
    const { aborted } = this;
    this.aborted = undefined;
    this.#run(aborted, 'http abort');
  }

  #run(work: (() => void) | undefined, where: string): void {
    if (work) guarded(work, () => {}, this.report, where);
  }
}
