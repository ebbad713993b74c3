import type { Refresher } from '../refresher.js';

/** Hears when an instance gets its first user and when it loses its last. */
export interface UseListener {
  used(instance: LiveInstance): void;
  idle(instance: LiveInstance): void;
}

/** The refresher of an instance, with a count of those who need it: its subscribers as one, and each fetch that is waited for. */
export class LiveInstance implements Refresher {
  readonly topic: string;
  readonly #refresher: Refresher;
  readonly #listener: UseListener;
  #users = 0;
  #subscribed = false;
  /** Until what the instance begins with has been loaded. */
  #loading: Promise<void> | undefined;

  constructor(topic: string, refresher: Refresher, listener: UseListener, loading?: Promise<void>) {
    this.topic = topic;
    this.#refresher = refresher;
    this.#listener = listener;
    this.#loading = loading?.then(() => {
      this.#loading = undefined;
    });
  }

  get state() {
    return this.#refresher.state;
  }

  get ready() {
    return this.#refresher.ready;
  }

  setDemand(subscribed: boolean): void {
    if (subscribed === this.#subscribed) return;
    this.#subscribed = subscribed;
    if (subscribed) this.#use();
    this.#refresher.setDemand(subscribed);
    if (!subscribed) this.#leave();
  }

  refresh(): Promise<void> {
    return this.#whileUsed(() => this.#refresher.refresh());
  }

  freshen(maxAge?: number): Promise<void> {
    return this.#whileUsed(() => this.#refresher.freshen(maxAge));
  }

  get race(): Refresher['race'] {
    const { race } = this.#refresher;
    return race && ((signal) => this.#whileUsed(() => race(signal)));
  }

  close(): Promise<void> {
    return this.#refresher.close();
  }

  async #whileUsed<T>(work: () => Promise<T>): Promise<T> {
    this.#use();
    try {
      const [result] = await Promise.all([work(), this.#loading]);
      return result;
    } finally {
      this.#leave();
    }
  }

  #use(): void {
    this.#users += 1;
    if (this.#users === 1) this.#listener.used(this);
  }

  #leave(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#listener.idle(this);
  }
}
