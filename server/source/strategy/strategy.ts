import type { Json } from '../../../shared/json.js';
import { parsePointer } from '../../../shared/pointer.js';
import type { Clock } from '../../async/clock.js';
import type { UrlCounts, UrlStats } from '../readings.js';
import type { RaceWin, Source } from '../source.js';
import { SourceError } from '../source-error.js';
import { all } from './all.js';
import { fallback } from './fallback.js';
import { first, raced } from './first.js';
import { createHedge } from './hedge.js';
import { createMember, type Judge, type Member, noCounts } from './member.js';
import { createRecency, type Recency } from './newer.js';
import { valueAt } from './pointer.js';
import { quorum } from './quorum.js';
import { sharingOf } from './sharing.js';

/** How several sources make one value. */
export interface StrategyOptions {
  /**
   * `first`: the first good answer; `fallback`: that of the first in order that has one; `all`: all of them, by name;
   * `quorum`: one that `need` of them agree on.
   */
  strategy: 'single' | 'first' | 'fallback' | 'all' | 'quorum';
  /** A list, or for `all` also an object, whose keys the value has too. `single` asks the first alone. */
  sources: readonly Source[] | Readonly<Record<string, Source>>;
  /** For `first`: ask the next one when the one before took so many ms, or longer than 95 % of its answers did. */
  hedge?: number | 'p95' | undefined;
  /** What makes an answer good: a JSON Pointer at which something other than null must be, or a function. */
  accept?: string | ((value: Json) => boolean) | undefined;
  /** The JSON Pointer by which an answer is newer, to a number or a text. An older one than before counts as unchanged. */
  newer?: string | undefined;
  /** For `quorum`: how many must agree. */
  need?: number | undefined;
  /** For `quorum`: JSON Pointers to what they need not agree on. */
  ignore?: readonly string[] | undefined;
  /** Where its URLs are counted by name, together with those of others; default: in counts of its own. */
  tally?: UrlTally | undefined;
  clock: Clock;
}

export type UrlTally = Map<string, UrlCounts>;

/** A source that has counts for each of its URLs. */
export interface StrategySource extends Source {
  stats(): UrlStats[];
}

/**
 * One source out of several. When a fetch ends, nothing that it asked is still under way. A source that answers
 * `unchanged` gives its own last value anew, so conditional requests work although the topic may hold another's.
 */
export function strategySource(options: StrategyOptions): StrategySource {
  const { strategy, sources, tally, clock } = options;
  const recency = recencyOf(options);
  const judge = createJudge(options.accept, recency);
  const members = Object.entries(sources).map(([name, source]) =>
    createMember(name, source, { judge, clock, counts: tally && countsIn(tally, name) }),
  );
  const label = members.length === 1 ? members[0]!.label : `${strategy} of ${members.length} URLs`;
  const obtain = createObtain(options, members, recency);
  // With a hedge the first that is asked is mostly the only one.
  const asksAll = strategy !== 'fallback' && (strategy !== 'first' || options.hedge === undefined);
  const sharing = sharingOf(Object.values(sources), { asksAll, failing: () => failing });
  let delivered: Json | undefined;
  let failing = false;

  return {
    label,
    async fetch({ signal, previous }) {
      signal.throwIfAborted();
      let value: Json;
      try {
        value = await obtain(signal, previous);
        failing = false;
      } catch (error) {
        failing = true;
        throw signal.aborted ? signal.reason : error;
      }
      const held = delivered ?? previous;
      if (strategy !== 'all' && held !== undefined && recency?.older(value, held, label)) value = held;
      // Who has no previous value, or lost it in a transform, gets the one that stands.
      if (previous !== undefined && value === held) return { kind: 'unchanged' };
      delivered = value;
      return { kind: 'value', value };
    },
    stats: () => members.map(({ name, label, counts }) => ({ name, label, ...counts })),
    ...sharing,
  };
}

function countsIn(tally: UrlTally, name: string): UrlCounts {
  const counts = tally.get(name) ?? noCounts();
  tally.set(name, counts);
  return counts;
}

/**
 * Asks all sources at once for their first good answer, good as the strategy says, and knows nothing of what the
 * strategy did before: the race stands apart, with no counts and no conditional requests.
 * @throws {SourceError} with every reason, if there is no good answer; what aborts `signal`
 */
export async function raceSources(
  sources: readonly Source[],
  options: Pick<StrategyOptions, 'accept' | 'newer' | 'clock'> & { signal: AbortSignal },
): Promise<RaceWin> {
  const { accept, clock, signal } = options;
  const judge = createJudge(accept, recencyOf(options));
  const members = sources.map((source, index) => createMember(String(index), source, { judge, clock }));
  try {
    const { member, value } = await raced(members, { signal, clock, hedge: undefined });
    return { winner: member.label, value };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}

type Obtain = (signal: AbortSignal, previous: Json | undefined) => Promise<Json>;

function createObtain(options: StrategyOptions, members: readonly Member[], recency?: Recency): Obtain {
  const { clock } = options;
  switch (options.strategy) {
    case 'single':
      return (signal) => fallback(members.slice(0, 1), signal);
    case 'fallback':
      return (signal) => fallback(members, signal);
    case 'first': {
      const hedge = options.hedge === undefined ? undefined : createHedge(options.hedge);
      return (signal) => first(members, { signal, clock, hedge });
    }
    case 'quorum': {
      const { need = members.length } = options;
      const ignore = (options.ignore ?? []).map(tokensOf);
      return async (signal) => {
        const answers = await quorum(members, { signal, clock, need, ignore });
        return answers.reduce((best, value) => (recency?.older(best, value, 'an answer') ? value : best));
      };
    }
    case 'all':
      return createGather(options, members, recency);
  }
}

/** Each of the answers has its own age, so each is kept from going backwards by itself. */
function createGather(
  { sources, clock }: StrategyOptions,
  members: readonly Member[],
  recency?: Recency,
): Obtain {
  let held: (Json | undefined)[] = [];
  let gathered: Json | undefined;
  return async (signal, previous) => {
    const answers = await all(members, { signal, clock });
    const before = (index: number) => held[index] ?? valueAt(previous ?? null, [members[index]!.name]);
    const values = answers.map((value, index) => {
      const old = before(index);
      return old !== undefined && recency?.older(value, old, members[index]!.label) ? old : value;
    });
    if (gathered === undefined || values.some((value, index) => value !== held[index])) {
      gathered = Array.isArray(sources)
        ? values
        : Object.fromEntries(values.map((value, index) => [members[index]!.name, value]));
    }
    held = values;
    return gathered;
  };
}

function recencyOf({ newer }: Pick<StrategyOptions, 'newer'>): Recency | undefined {
  return newer === undefined ? undefined : createRecency(newer, tokensOf(newer));
}

function createJudge(accept: StrategyOptions['accept'], recency: Recency | undefined): Judge {
  const good = createAccept(accept);
  return (value, label) => {
    if (!good(value, label)) {
      const missing = typeof accept === 'string' ? `without ${accept}` : 'what the source does not accept';
      throw new SourceError(`${label} answered ${missing}`);
    }
    if (recency && !recency.dates(value)) {
      throw new SourceError(`${label} answered without a number or text at ${recency.pointer}`);
    }
  };
}

function createAccept(accept: StrategyOptions['accept']): (value: Json, label: string) => boolean {
  if (accept === undefined) return () => true;
  if (typeof accept === 'string') {
    const tokens = tokensOf(accept);
    return (value) => (valueAt(value, tokens) ?? null) !== null;
  }
  return (value, label) => {
    try {
      return accept(value);
    } catch (cause) {
      throw new SourceError(`${label} answered what the accept function fails on`, { cause, defect: true });
    }
  };
}

function tokensOf(pointer: string): string[] {
  const tokens = parsePointer(pointer);
  if (!tokens) throw new TypeError(`${JSON.stringify(pointer)} is no JSON Pointer; it begins with "/".`);
  return tokens;
}
