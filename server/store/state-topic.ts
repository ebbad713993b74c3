import type { Json } from '../../shared/json.js';
import { diff } from './diff.js';
import type { SavedTopic } from './durable/saved-topic.js';
import type { Change, Declaration } from './topic.js';
import { TopicBase } from './topic-base.js';

/** Patches shorter than this are sent without asking whether the value is shorter still. */
const SURELY_SMALL = 128;

/** A topic that holds one current value. Commits are diffed against the last flushed value, once a flush. */
export class StateTopic extends TopicBase {
  readonly kind = 'state';
  value: Json | undefined;
  #valueJson: string | undefined;
  #valueJsonSize = 0;
  #pending: Json | undefined;

  constructor(name: string, declaration: Declaration, saved?: SavedTopic) {
    super(name, declaration, saved);
    this.value = saved?.value;
  }

  set(value: Json, asOf: number): void {
    this.#pending = value;
    this.succeeded(asOf);
    this.stand(undefined);
  }

  /** The committed value, flushed or not. */
  get latest(): Json | undefined {
    return this.#pending === undefined ? this.value : this.#pending;
  }

  get dirty(): boolean {
    return this.#pending !== undefined;
  }

  get valueJson(): string | undefined {
    if (this.#valueJson === undefined && this.value !== undefined) this.#encode(this.value);
    return this.#valueJson;
  }

  protected takeChange(now: number): Change | undefined {
    const to = this.#pending;
    if (to === undefined) return undefined;
    this.#pending = undefined;

    const from = this.value;
    const patch = from === undefined ? undefined : diff(from, to);
    if (patch?.length === 0) return undefined;

    this.value = to;
    this.#valueJson = undefined;
    this.version += 1;
    this.changedAt = now;
    // A patch that replaces the whole document is the value in disguise.
    const patchJson = patch && patch[0]?.path !== '' ? JSON.stringify(patch).slice(1, -1) : undefined;
    if (patchJson === undefined || this.#valueIsShorter(patchJson, to)) {
      this.history.clear();
      return { kind: 'value', version: this.version };
    }
    this.history.push({ version: this.version, text: patchJson, asOf: this.asOf ?? now });
    return { kind: 'patch', from: this.version - 1, version: this.version, patchJson };
  }

  /** Encodes the value only when its last known size leaves a doubt. */
  #valueIsShorter(patchJson: string, value: Json): boolean {
    if (patchJson.length < SURELY_SMALL || patchJson.length * 2 < this.#valueJsonSize) return false;
    return this.#encode(value).length < patchJson.length;
  }

  #encode(value: Json): string {
    this.#valueJson = JSON.stringify(value);
    this.#valueJsonSize = this.#valueJson.length;
    return this.#valueJson;
  }
}
