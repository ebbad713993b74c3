import { HeadwaterError } from '../../shared/errors.js';
import { libuv } from './libuv.js';
import type { LoopPolicy } from './policy.js';
import { uws } from './uws.js';

let installed: LoopPolicy | undefined;

/** Makes a policy the one that servers created from now on run on. */
export function installLoopPolicy(policy: LoopPolicy): void {
  installed = policy;
}

/** The installed policy; libuv if none was. */
export function currentLoopPolicy(): LoopPolicy {
  installed ??= libuv();
  return installed;
}

/** How a configuration names a policy. `auto`: uws where it loads, else libuv. */
export type LoopName = 'libuv' | 'uws' | 'auto';

/**
 * The policy of that name. Never falls back in silence: only `auto` may, and tells `onFallback` why.
 * @throws {HeadwaterError} `loop_unavailable` for `uws` where it cannot be loaded
 */
export function resolveLoopPolicy(
  name: LoopName,
  options: { onFallback?: (reason: HeadwaterError) => void; load?: (name: string) => unknown } = {},
): LoopPolicy {
  if (name === 'libuv') return libuv();
  try {
    return uws(options.load);
  } catch (error) {
    const unavailable = error instanceof HeadwaterError && error.code === 'loop_unavailable';
    if (name === 'uws' || !unavailable) throw error;
    options.onFallback?.(error);
    return libuv();
  }
}
