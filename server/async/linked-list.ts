interface Link<T> {
  readonly value: T;
  before: Link<T> | undefined;
  after: Link<T> | undefined;
  list: LinkedList<T> | undefined;
}

/** A first-in, first-out list that can also give up an entry from its middle; each step takes constant time. */
export class LinkedList<T> {
  #first: Link<T> | undefined;
  #last: Link<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds to the end; the function returned takes the entry out again, and does nothing once it is out. */
  push(value: T): () => void {
    const link: Link<T> = { value, before: this.#last, after: undefined, list: this };
    if (this.#last) this.#last.after = link;
    else this.#first = link;
    this.#last = link;
    this.#size++;
    return () => this.#remove(link);
  }

  /** Takes the oldest out. */
  shift(): T | undefined {
    const link = this.#first;
    if (link) this.#remove(link);
    return link?.value;
  }

  #remove(link: Link<T>): void {
    if (link.list !== this) return;
    link.list = undefined;
    if (link.before) link.before.after = link.after;
    else this.#first = link.after;
    if (link.after) link.after.before = link.before;
    else this.#last = link.before;
    this.#size--;
  }
}
