/** Things that arrive, in order, for a test that waits for them instead of sleeping. */
export class Inbox<T> {
  readonly all: T[] = [];
  #taken = 0;
  #wake: (() => void)[] = [];
  #ended: string | undefined;

  push(...items: T[]): void {
    this.all.push(...items);
    this.#wakeAll();
  }

  /** No more will come; whoever waits fails with `reason`. */
  end(reason: string): void {
    this.#ended ??= reason;
    this.#wakeAll();
  }

  /** The next item that nobody took yet. */
  async next(): Promise<T> {
    return this.nextWhere(() => true);
  }

  /** The next item not yet taken for which `wanted` holds; those before it are skipped. */
  async nextWhere(wanted: (item: T) => boolean, limit = 30_000): Promise<T> {
    const deadline = Date.now() + limit;
    for (;;) {
      while (this.#taken < this.all.length) {
        const item = this.all[this.#taken++]!;
        if (wanted(item)) return item;
      }
      if (this.#ended !== undefined)
        throw new Error(`nothing more will come: ${this.#ended}; got ${this.#tail()}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`waited ${limit} ms in vain; got ${this.#tail()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #tail(): string {
    return JSON.stringify(this.all.slice(-5))?.slice(0, 1_000);
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
