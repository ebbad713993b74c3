import { describe, expect, it } from 'vitest';
import { manualClock } from '../../server/async/manual-clock.js';
import { type RefresherOptions, startRefresher } from '../../server/source/refresher.js';
import type { FetchContext, Fetched, Source } from '../../server/source/source.js';
import { SourceError } from '../../server/source/source-error.js';
import type { Json } from '../../shared/json.js';

/** A source whose every fetch waits until the test settles it. */
function scriptedSource(clock: ReturnType<typeof manualClock>) {
  const started: number[] = [];
  const open: { context: FetchContext; resolve(fetched: Fetched): void; reject(error: unknown): void }[] = [];
  /** What fetches do on their own; `undefined`: wait. */
  let auto: (() => Fetched | Error) | undefined;
  let changed: (() => void) | undefined;
  const quota = { affordable: 0, enlisted: 0 };
  const source: Source = {
    label: 'a source',
    fetch: (context) =>
      new Promise((resolve, reject) => {
        started.push(clock.now() - START);
        const result = auto?.();
        if (result instanceof Error) reject(result);
        else if (result) resolve(result);
        else {
          open.push({ context, resolve, reject });
          context.signal.addEventListener('abort', () => reject(context.signal.reason), { once: true });
        }
      }),
    watch(listener, signal) {
      changed = listener;
      signal.addEventListener('abort', () => {
        changed = undefined;
      });
    },
    enlist(signal) {
      quota.enlisted += 1;
      signal.addEventListener('abort', () => {
        quota.enlisted -= 1;
      });
    },
    affordable: () => quota.affordable,
  };
  return {
    source,
    quota,
    started,
    open,
    always(result: (() => Fetched | Error) | undefined) {
      auto = result;
    },
    change: () => changed?.(),
    get watched() {
      return changed !== undefined;
    },
  };
}

const START = 1_000_000;
const value = (json: Json): Fetched => ({ kind: 'value', value: json });
const ok = () => value(1);

function setup(options: Partial<RefresherOptions> = {}) {
  const clock = manualClock(START);
  const script = scriptedSource(clock);
  const told: string[] = [];
  const errors: unknown[] = [];
  const topic = {
    latest: undefined as Json | undefined,
    set(next: Json) {
      topic.latest = next;
      told.push(`set ${JSON.stringify(next)}`);
    },
    checked: () => void told.push('checked'),
    fail: (reason: string) => void told.push(`fail ${reason}`),
  };
  const start = () =>
    startRefresher({
      source: script.source,
      topic,
      every: 1_000,
      when: 'always',
      clock,
      random: () => 0.5,
      onError: (error) => errors.push(error),
      ...options,
    });
  return { clock, script, told, errors, topic, start };
}

describe('the interval', () => {
  it('runs from start to start', async () => {
    const { clock, script, start, told } = setup();
    const refresher = start();
    for (let i = 0; i < 3; i++) {
      await clock.advance(400);
      script.open.shift()!.resolve(value(i));
      await clock.advance(600);
    }
    expect(script.started).toEqual([0, 1_000, 2_000, 3_000]);
    expect(told).toEqual(['set 0', 'set 1', 'set 2']);
    await refresher.close();
  });

  it('skips what an overrun covered: no overlap, no burst', async () => {
    const { clock, script, start } = setup();
    const refresher = start();
    await clock.advance(3_400);
    expect(script.started).toEqual([0]);
    script.always(ok);
    script.open.shift()!.resolve(value(0));
    await clock.advance(2_700);
    expect(script.started).toEqual([0, 4_000, 5_000, 6_000]);
    await refresher.close();
  });

  it('is missed by at most a tenth either way, and never drifts', async () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const { clock, script, start } = setup({ random });
    script.always(ok);
    const refresher = start();
    await clock.advance(200_500);
    expect(script.started).toHaveLength(201);
    const misses = script.started.map((at, i) => at - i * 1_000);
    expect(Math.max(...misses.map(Math.abs))).toBeLessThanOrEqual(100);
    expect(Math.max(...misses)).toBeGreaterThan(50);
    expect(Math.min(...misses)).toBeLessThan(-50);
    await refresher.close();
  });
});

describe('what a fetch brings', () => {
  it('goes to the topic; unchanged renews it; the source sees what the topic holds', async () => {
    const { clock, script, start, told } = setup();
    const refresher = start();
    expect(script.open[0]!.context.previous).toBeUndefined();
    script.open.shift()!.resolve(value({ a: 1 }));
    await clock.advance(1_000);
    expect(script.open[0]!.context.previous).toEqual({ a: 1 });
    script.open.shift()!.resolve({ kind: 'unchanged' });
    await clock.advance(0);
    expect(told).toEqual(['set {"a":1}', 'checked']);
    expect(refresher.state).toMatchObject({
      lastStart: START + 1_000,
      lastSuccess: START + 1_000,
      fetches: 2,
      failures: 0,
      running: false,
    });
    await refresher.close();
  });

  it('makes a topic fail whose store refuses the value', async () => {
    const { clock, script, start, told, topic } = setup();
    topic.set = () => {
      throw new SourceError('too deep');
    };
    script.always(ok);
    const refresher = start();
    await clock.advance(0);
    expect(told).toEqual(['fail too deep']);
    await refresher.close();
  });

  it('clients learn of a foreign error only that it failed; the log gets it whole', async () => {
    const { clock, script, start, told, errors } = setup();
    const error = new TypeError('https://user:secret@a.example/ is odd');
    script.always(() => error);
    const refresher = start();
    await clock.advance(0);
    expect(told).toEqual(['fail a source failed']);
    expect(errors).toEqual([error]);
    expect(refresher.state.lastError).toBe(error);
    await refresher.close();
  });
});

describe('time-out', () => {
  it('aborts the fetch and goes on', async () => {
    const { clock, script, start, told } = setup({ timeout: 2_000 });
    const refresher = start();
    await clock.advance(1_999);
    expect(script.open[0]!.context.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(told).toEqual(['fail a source gave no complete answer within 2 s']);
    script.always(ok);
    await clock.advance(2_000);
    expect(told.at(-1)).toBe('set 1');
    await refresher.close();
    expect(clock.pending).toBe(0);
  });
});

describe('failures', () => {
  it('in a row wait longer each time, at random up to thirty seconds; the first success ends that', async () => {
    const { clock, script, start, told } = setup({ random: () => 0.999_999 });
    let up = false;
    script.always(() => (up ? value('up') : new SourceError('down')));
    const refresher = start();
    await clock.advance(130_000);
    const waits = script.started.slice(1).map((at, i) => Math.round((at - script.started[i]!) / 1_000));
    expect(waits).toEqual([2, 4, 8, 16, 30, 30, 30]);
    up = true;
    await clock.advance(30_000);
    expect(told.at(-1)).toBe('set "up"');
    const count = script.started.length;
    await clock.advance(3_000);
    expect(script.started.length - count).toBe(3);
    await refresher.close();
  });

  it('of a slow source are tried again after a second, not after its whole interval', async () => {
    const { clock, script, start } = setup({ every: 600_000, random: () => 0 });
    script.always(() => new SourceError('down'));
    const refresher = start();
    await clock.advance(3_500);
    expect(script.started).toEqual([0, 1_000, 2_000, 3_000]);
    await refresher.close();
  });

  it('wait out a Retry-After', async () => {
    const { clock, script, start } = setup({ random: () => 0 });
    script.always(() => new SourceError('busy', { retryAfter: 7_000 }));
    const refresher = start();
    await clock.advance(6_999);
    expect(script.started).toEqual([0]);
    await clock.advance(1);
    expect(script.started).toEqual([0, 7_000]);
    await refresher.close();
  });
});

describe('demand', () => {
  it('starts a subscribed source at once, and stops it a linger after the last subscriber left', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', linger: 2_600 });
    script.always(ok);
    const refresher = start();
    await clock.advance(5_000);
    expect(script.started).toEqual([]);
    expect(refresher.ready).toBe(true);
    refresher.setDemand(true);
    await clock.advance(1_500);
    refresher.setDemand(false);
    await clock.advance(20_000);
    expect(script.started).toEqual([5_000, 6_000, 7_000, 8_000, 9_000]);
    expect(script.watched).toBe(false);
    expect(clock.pending).toBe(0);
    await refresher.close();
  });

  it('that comes back within the linger changes nothing', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', linger: 1_500 });
    script.always(ok);
    const refresher = start();
    refresher.setDemand(true);
    await clock.advance(500);
    refresher.setDemand(false);
    await clock.advance(1_000);
    refresher.setDemand(true);
    await clock.advance(2_000);
    expect(script.started).toEqual([0, 1_000, 2_000, 3_000]);
    await refresher.close();
  });

  it('that comes back early waits for the rest of the interval, later fetches at once', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', linger: 0 });
    script.always(ok);
    const refresher = start();
    refresher.setDemand(true);
    await clock.advance(100);
    refresher.setDemand(false);
    await clock.advance(300);
    refresher.setDemand(true);
    await clock.advance(700);
    expect(script.started).toEqual([0, 1_000]);
    refresher.setDemand(false);
    await clock.advance(7_350);
    refresher.setDemand(true);
    await clock.advance(2_100);
    expect(script.started).toEqual([0, 1_000, 8_450, 9_450, 10_450]);
    await refresher.close();
  });

  it('does not hurry a source that asked to be left alone', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', linger: 0, random: () => 0 });
    script.always(() => new SourceError('busy', { retryAfter: 60_000 }));
    const refresher = start();
    for (let i = 0; i < 5; i++) {
      refresher.setDemand(true);
      await clock.advance(5_000);
      refresher.setDemand(false);
      await refresher.freshen();
      await clock.advance(5_000);
    }
    expect(script.started).toEqual([0]);
    await refresher.close();
  });
});

describe('refresh and freshen', () => {
  it('calls during a fetch share it', async () => {
    const { clock, script, start } = setup({ when: 'subscribed' });
    const refresher = start();
    const calls = Promise.all([refresher.refresh(), refresher.refresh(), refresher.freshen()]);
    expect(script.started).toEqual([0]);
    script.open.shift()!.resolve(value(1));
    await calls;
    expect(script.started).toEqual([0]);
    expect(clock.pending).toBe(0);
    await refresher.close();
  });

  it('a refresh resolves when the fetch failed, too', async () => {
    const { script, start, told } = setup({ when: 'subscribed' });
    script.always(() => new SourceError('down'));
    const refresher = start();
    await refresher.refresh();
    expect(told).toEqual(['fail down']);
    await refresher.close();
  });

  it('a refresh does not move the interval', async () => {
    const { clock, script, start } = setup();
    script.always(ok);
    const refresher = start();
    await clock.advance(300);
    await refresher.refresh();
    await clock.advance(2_000);
    expect(script.started).toEqual([0, 300, 1_000, 2_000]);
    await refresher.close();
  });

  it('freshen fetches only what is older than the interval and not kept fresh already', async () => {
    const { clock, script, start } = setup({ when: 'subscribed' });
    script.always(ok);
    const refresher = start();
    await refresher.freshen();
    await clock.advance(900);
    await refresher.freshen();
    expect(script.started).toEqual([0]);
    await clock.advance(200);
    await refresher.freshen();
    expect(script.started).toEqual([0, 1_100]);
    await refresher.close();
  });

  it('a source that always runs is ready after its first fetch, good or bad', async () => {
    const { clock, script, start } = setup();
    const refresher = start();
    expect(refresher.ready).toBe(false);
    script.open.shift()!.reject(new SourceError('down'));
    await clock.advance(0);
    expect(refresher.ready).toBe(true);
    await refresher.close();
  });
});

describe('an adaptive interval', () => {
  const seconds = (started: number[]) => started.map((at) => at / 1_000);

  it('grows by half with each fetch that brings nothing new, up to its longest, and is short again at a change', async () => {
    const { clock, script, start, topic } = setup({ adaptive: 5_000 });
    let answer: () => Fetched = () => value({ n: 1 });
    script.always(() => answer());
    const refresher = start();
    await clock.advance(0);
    // Equal, unchanged, equal, …: it is all the same.
    answer = () =>
      script.started.length % 2 === 0 ? { kind: 'unchanged' } : value({ ...(topic.latest as object) });
    await clock.advance(24_000);
    expect(seconds(script.started)).toEqual([0, 1, 2.5, 4.75, 8.125, 13.125, 18.125, 23.125]);
    answer = () => value({ n: script.started.length });
    await clock.advance(7_000);
    expect(seconds(script.started.slice(8))).toEqual([28.125, 29.125, 30.125]);
    await refresher.close();
  });

  it('keeps its jitter and does not drift once it is at its longest', async () => {
    let seed = 3;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const { clock, script, start } = setup({ adaptive: 2_000, random });
    script.always(() => value(1));
    const refresher = start();
    await clock.advance(400_000);
    const grown = script.started.slice(5);
    const misses = grown.map((at, index) => at - grown[0]! - index * 2_000);
    expect(grown.length).toBeGreaterThan(190);
    expect(Math.max(...misses) - Math.min(...misses)).toBeLessThanOrEqual(400);
    expect(Math.max(...misses) - Math.min(...misses)).toBeGreaterThan(200);
    await refresher.close();
  });

  it('is short again when a refresh brings a change', async () => {
    const { clock, script, start } = setup({ adaptive: 60_000 });
    let answer = value(1);
    script.always(() => answer);
    const refresher = start();
    await clock.advance(300_000);
    const count = script.started.length;
    answer = value(2);
    await refresher.refresh();
    await clock.advance(2_500);
    expect(script.started.slice(count)).toEqual([300_000, 301_000, 302_500]);
    await refresher.close();
  });

  it.each(['always', 'subscribed'] as const)(
    'of a source that runs %s is short again when demand comes anew',
    async (when) => {
      const { clock, script, start } = setup({ adaptive: 60_000, when, linger: 30_000 });
      script.always(() => value(1));
      const refresher = start();
      refresher.setDemand(true);
      await clock.advance(290_000);
      refresher.setDemand(false);
      await clock.advance(10_000);
      const count = script.started.length;
      refresher.setDemand(true);
      await clock.advance(1_000);
      expect(script.started.slice(count).length).toBe(1);
      await refresher.close();
      expect(clock.pending).toBe(0);
    },
  );

  it('does not slow down the way back from a failure', async () => {
    const { clock, script, start, told } = setup({ adaptive: 600_000, random: () => 0.5 });
    let answer: Fetched | Error = value(1);
    script.always(() => answer);
    const refresher = start();
    await clock.advance(1_200_000);
    answer = new SourceError('down');
    await clock.advance(600_000);
    expect(told.at(-1)).toBe('fail down');
    answer = value(1);
    await clock.advance(30_000);
    expect(told.at(-1)).toBe('set 1');
    await refresher.close();
  });
});

describe('quotas', () => {
  it('are shared by who is active, and by nobody else', async () => {
    const { script, start, clock } = setup({ when: 'subscribed', linger: 1_000 });
    script.always(ok);
    const refresher = start();
    expect(script.quota.enlisted).toBe(0);
    refresher.setDemand(true);
    expect(script.quota.enlisted).toBe(1);
    refresher.setDemand(false);
    await clock.advance(1_000);
    expect(script.quota.enlisted).toBe(0);
    refresher.setDemand(true);
    await refresher.close();
    expect(script.quota.enlisted).toBe(0);
  });

  it('widen the interval to what they afford, and let it come back, without a burst', async () => {
    const { clock, script, start } = setup();
    script.always(ok);
    const refresher = start();
    await clock.advance(2_000);
    script.quota.affordable = 4_000;
    await clock.advance(12_000);
    expect(script.started).toEqual([0, 1_000, 2_000, 3_000, 7_000, 11_000]);
    script.quota.affordable = 500;
    await clock.advance(3_000);
    expect(script.started.slice(6)).toEqual([15_000, 16_000, 17_000]);
    await refresher.close();
  });

  it('that afford more again are noticed within half a minute, however far the next fetch was', async () => {
    const { clock, script, start } = setup();
    script.quota.affordable = 3_600_000;
    script.always(ok);
    const refresher = start();
    await clock.advance(600_000);
    expect(script.started).toEqual([0]);
    script.quota.affordable = 0;
    await clock.advance(30_000);
    expect(script.started.length).toBe(2);
    await clock.advance(2_000);
    expect(script.started.length).toBe(4);
    await refresher.close();
    expect(clock.pending).toBe(0);
  });

  it('hold for fetches that fail, too', async () => {
    const { clock, script, start } = setup({ random: () => 0 });
    script.quota.affordable = 20_000;
    script.always(() => new SourceError('down'));
    const refresher = start();
    await clock.advance(60_000);
    expect(script.started).toEqual([0, 20_000, 40_000, 60_000]);
    await refresher.close();
  });

  it('that afford nothing are asked again after a day', async () => {
    const { clock, script, start } = setup();
    script.quota.affordable = Number.POSITIVE_INFINITY;
    script.always(ok);
    const refresher = start();
    await clock.advance(24 * 3_600_000 - 1);
    expect(script.started).toEqual([0]);
    await clock.advance(1);
    expect(script.started.length).toBe(2);
    await refresher.close();
  });

  it('keep many sources apart that they widen and narrow together', async () => {
    const clock = manualClock(START);
    const quota = { affordable: 0 };
    const started: number[] = [];
    let seed = 11;
    const random = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const refreshers = [];
    for (let index = 0; index < 100; index++) {
      const source: Source = {
        label: `source ${index}`,
        affordable: () => quota.affordable,
        async fetch() {
          started.push(clock.now() - START);
          return value(index);
        },
      };
      const topic = { latest: undefined, set() {}, checked() {}, fail() {} };
      refreshers.push(startRefresher({ source, topic, every: 1_000, when: 'always', clock, random }));
      await clock.advance(10);
    }
    /** The most fetches within 100 ms, and how many there were. */
    const load = async (duration: number) => {
      started.length = 0;
      await clock.advance(duration);
      const busiest = Math.max(
        ...started.map((at) => started.filter((other) => other >= at && other < at + 100).length),
      );
      return { busiest, count: started.length };
    };
    const narrow = await load(20_000);
    expect(narrow.count).toBeGreaterThan(1_900);
    quota.affordable = 10_000;
    await load(10_000);
    const wide = await load(100_000);
    expect(wide.count).toBeGreaterThan(950);
    expect(wide.count).toBeLessThan(1_050);
    expect(wide.busiest).toBeLessThan(15);
    quota.affordable = 0;
    const back = await load(20_000);
    expect(back.count).toBeLessThan(2_050);
    expect(back.busiest).toBeLessThan(30);
    await Promise.all(refreshers.map((refresher) => refresher.close()));
    expect(clock.pending).toBe(0);
  });
});

describe('the age of what is read', () => {
  it('may be more than the interval where the source says so', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', maxAge: 5_000 });
    script.always(ok);
    const refresher = start();
    await refresher.freshen();
    await clock.advance(4_999);
    await refresher.freshen();
    expect(script.started).toEqual([0]);
    await clock.advance(1);
    await refresher.freshen();
    expect(script.started).toEqual([0, 5_000]);
    await refresher.close();
  });

  it('is loosened by a reader at will, and tightened down to the interval, no further', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', maxAge: 5_000 });
    script.always(ok);
    const refresher = start();
    await refresher.freshen();
    await clock.advance(999);
    await refresher.freshen(0);
    expect(script.started).toEqual([0]);
    await clock.advance(1);
    await refresher.freshen(0);
    expect(script.started).toEqual([0, 1_000]);
    await clock.advance(60_000);
    await refresher.freshen(3_600_000);
    expect(script.started).toEqual([0, 1_000]);
    await refresher.close();
  });

  it('goes for a running source whose interval has grown beyond it: one fetch for all who wait', async () => {
    const { clock, script, start } = setup({ adaptive: 60_000, maxAge: 10_000 });
    script.always(() => value(1));
    const refresher = start();
    await clock.advance(600_000);
    const last = script.started.at(-1)!;
    await clock.advance(last + 9_999 - (clock.now() - START));
    const count = script.started.length;
    await refresher.freshen();
    expect(script.started.length).toBe(count);
    await clock.advance(1);
    script.always(undefined);
    const waiting = Promise.all([refresher.freshen(), refresher.freshen(), refresher.freshen()]);
    expect(script.started.length).toBe(count + 1);
    script.open.shift()!.resolve(value(1));
    await waiting;
    await refresher.close();
  });

  it('costs no fetch while the source runs at its interval, however slow it is', async () => {
    const { clock, script, start } = setup();
    const refresher = start();
    script.open.shift()!.resolve(value(1));
    await clock.advance(1_900);
    expect(script.open.length).toBe(1);
    await refresher.freshen(0);
    expect(script.started).toEqual([0, 1_000]);
    await refresher.close();
  });

  it('waits for the first fetch after a pause, which a subscriber has begun', async () => {
    const { clock, script, start } = setup({ when: 'subscribed', linger: 0 });
    script.always(ok);
    const refresher = start();
    await refresher.freshen();
    await clock.advance(60_000);
    script.always(undefined);
    refresher.setDemand(true);
    let done = false;
    const read = refresher.freshen().then(() => {
      done = true;
    });
    await clock.advance(100);
    expect(done).toBe(false);
    script.open.shift()!.resolve(value(2));
    await read;
    expect(script.started).toEqual([0, 60_000]);
    await refresher.close();
  });

  it('does not go beyond what the quota affords', async () => {
    const { clock, script, start } = setup({ when: 'subscribed' });
    script.quota.affordable = 86_400;
    script.always(ok);
    const refresher = start();
    await refresher.freshen();
    for (let i = 0; i < 86; i++) {
      await clock.advance(1_000);
      await refresher.freshen(0);
    }
    expect(script.started).toEqual([0]);
    await clock.advance(1_000);
    await refresher.freshen();
    expect(script.started).toEqual([0, 87_000]);
    await refresher.close();
  });

  it('is waited for no longer than a fetch may take', async () => {
    const { clock, start, told } = setup({ when: 'subscribed', timeout: 2_000 });
    const refresher = start();
    const read = refresher.freshen();
    await clock.advance(2_000);
    await read;
    expect(told).toEqual(['fail a source gave no complete answer within 2 s']);
    await refresher.close();
    expect(clock.pending).toBe(0);
  });
});

describe('a source that watches', () => {
  it('is fetched when it reports a change, and once more for changes during a fetch', async () => {
    const { clock, script, start } = setup({ every: 60_000 });
    const refresher = start();
    script.change();
    script.change();
    script.open.shift()!.resolve(value(1));
    await clock.advance(10);
    expect(script.started).toEqual([0, 0]);
    script.open.shift()!.resolve(value(2));
    await clock.advance(500);
    script.change();
    expect(script.started).toEqual([0, 0, 510]);
    await refresher.close();
    expect(script.watched).toBe(false);
  });
});

describe('close', () => {
  it('aborts the fetch, awaits it, tells the topic nothing and leaves no timer', async () => {
    const { clock, script, start, told, errors } = setup();
    const refresher = start();
    const { signal } = script.open[0]!.context;
    await Promise.all([refresher.close(), refresher.close()]);
    expect(signal.reason).toMatchObject({ code: 'aborted' });
    expect(told).toEqual([]);
    expect(errors).toEqual([]);
    expect(clock.pending).toBe(0);
    await expect(refresher.refresh()).rejects.toMatchObject({ code: 'closed' });
    refresher.setDemand(true);
    await clock.advance(10_000);
    expect(script.started).toEqual([0]);
  });
});
