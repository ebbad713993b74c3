import { equal } from '../../shared/equal.js';
import type { Json } from '../../shared/json.js';
import { copyJson } from './json-value.js';

/** What a topic holds, for code that is not ours. */
export interface OwnPrevious {
  /** `previous` is a copy, made when somebody first looks. To be completed by what else the code is given. */
  readonly context: { readonly previous: Json | undefined };
  /** Whether the code gave back the very copy, as it was. */
  isUntouched(value: unknown): boolean;
}

/**
 * Committed values are shared with everybody who was given them: code that changed one would change the topic under its
 * version, and nobody would be told. So code gets a copy, which is its own to change.
 */
export function ownPrevious(held: Json | undefined): OwnPrevious {
  let own: Json | undefined;
  return {
    context: {
      get previous() {
        if (typeof held !== 'object' || held === null) return held;
        own ??= copyJson(held, 'previous');
        return own;
      },
    },
    isUntouched: (value) => own !== undefined && value === own && equal(own, held!),
  };
}
