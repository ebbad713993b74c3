import type { Source } from '../source/source.js';

/** The source, or one that always fails with the reason why there is none. */
export function unlessBroken(label: string, make: () => Source): Source {
  try {
    return make();
  } catch (error) {
    return { label, fetch: () => Promise.reject(error) };
  }
}
