import type { Source } from '../source.js';

type Sharing = Required<Pick<Source, 'enlist' | 'affordable' | 'watch'>>;

/**
 * What a strategy shares with other sources by its URLs. Where a fetch asks all of them, the one that affords least
 * sets the interval; where the next is asked only when the one before will not do, the one that affords most, since it
 * can answer. `failing` says whether the last fetch of the whole failed: only then it matters that a host is well again.
 */
export function sharingOf(
  sources: readonly Source[],
  { asksAll, failing }: { asksAll: boolean; failing: () => boolean },
): Sharing {
  const decisive = asksAll ? Math.max : Math.min;
  return {
    enlist(signal) {
      for (const source of sources) source.enlist?.(signal);
    },
    affordable: () => decisive(...sources.map((source) => source.affordable?.() ?? 0)),
    watch(changed, signal) {
      for (const source of sources) source.watch?.(() => failing() && changed(), signal);
    },
  };
}
