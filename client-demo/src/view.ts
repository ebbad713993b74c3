import type { Json } from '../../shared/json.js';

/** Shows the values of one topic. Takes them at any pace; paints at most once a frame, and not while hidden. */
export interface View {
  readonly element: HTMLElement;
  /** `asOf`: when the server knew the value to be right. */
  update(value: Json, asOf: Date): void;
  /** Lets go of observers and listeners. The element is the caller's to remove. */
  destroy(): void;
}
