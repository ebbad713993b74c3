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
  };
  return {
    source,
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
