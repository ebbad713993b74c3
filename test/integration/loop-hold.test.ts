import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createHeadwater } from '../../server/app/app.js';
import { watchedHandlers } from '../../server/app/loop-watch.js';
import { onHold } from '../../server/async/hold.js';
import type { ConfigInput } from '../../server/config/schema.js';
import type { HttpRequest, HttpResponse } from '../../server/loop/policy.js';
import { createLogger } from '../../server/observe/log.js';
import { watchLoop } from '../../server/observe/loop-hold.js';
import { openWebSocket } from '../support/clients.js';
import { TOKEN } from '../support/server.js';

interface Entry {
  level: string;
  msg: string;
  where?: string;
  heldMs?: number;
  cpuMs?: number;
  suspects?: string[];
  leftOut?: number;
}

/** By the time of {@link standStill}. */
let now = 0;
/** Milliseconds of the processor. */
let used = 0;

/** Lets time pass only where a test says so, so that nothing that the machine does meanwhile holds anything up. */
function standStill(): void {
  now = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  const processor = vi.spyOn(process, 'cpuUsage').mockImplementation((before = { user: 0, system: 0 }) => ({
    user: used * 1_000 - before.user,
    system: 0,
  }));
  onTestFinished(() => {
    clock.mockRestore();
    processor.mockRestore();
  });
}

/** `cpu`: how much of it the process runs. */
function block(duration: number, cpu = duration): void {
  now += duration;
  used += cpu;
}

/** Lets time pass while the loop turns: far more often than it is asked whether it does, however late timers come. */
async function wait(duration: number): Promise<void> {
  const step = 10;
  for (let waited = 0; waited < duration; waited += step) {
    await new Promise((resolve) => setTimeout(resolve, step));
    now += step;
  }
}

/** A log whose entries about held loops are collected, and those about a process that did not run. */
function collectHolds() {
  const holds: Entry[] = [];
  const pauses: Entry[] = [];
  const destination = {
    write(line: string) {
      const entry = JSON.parse(line) as Entry;
      if (entry.msg === 'the event loop was held') holds.push(entry);
      if (entry.msg === 'the process did not get to run') pauses.push(entry);
    },
  };
  return { holds, pauses, logger: createLogger({ level: 'info', pretty: false, destination }) };
}

/** All that is told of, also what the log leaves out for a second after an entry. */
function collectNames(): string[] {
  const names: string[] = [];
  onTestFinished(onHold(({ where }) => void names.push(where)));
  return names;
}

async function start(config: ConfigInput) {
  const { holds, logger } = collectHolds();
  const headwater = await createHeadwater({ drainTimeout: 1_000, ...config, http: { port: 0 } }, { logger });
  onTestFinished(() => headwater.close());
  return { headwater, holds, of: (where: string) => holds.find((entry) => entry.where === where) };
}

describe('what holds the event loop, and nothing else,', () => {
  beforeEach(standStill);

  it('is logged with its name when a function source blocks', async () => {
    const blocking = () => {
      block(150);
      return 1;
    };
    const { of } = await start({
      sources: [{ topic: 'blocker', every: '1h', when: 'always', fetch: blocking }],
    });
    await expect.poll(() => of('fetch blocker')).toMatchObject({ level: 'warn', where: 'fetch blocker' });
    expect(of('fetch blocker')!.heldMs).toBeGreaterThanOrEqual(150);
    expect(of('unnamed')).toBeUndefined();
  });

  it('has a suspect when a source blocks after it waited for something', async () => {
    let answer: () => void = () => {};
    const later = async () => {
      await new Promise<void>((resolve) => (answer = resolve));
      block(250);
      return 1;
    };
    const { headwater, of } = await start({
      sources: [{ topic: 'later', every: '1h', when: 'always', fetch: later }],
    });
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    await expect.poll(() => headwater.topic('later').value).toBe(1);
    await expect.poll(() => of('unnamed')?.suspects).toEqual(['fetch later']);
  });

  it('is not the loop when the process hardly ran meanwhile: the log says so, and warns of nothing', async () => {
    const { holds, pauses, logger } = collectHolds();
    const watch = watchLoop(logger);
    onTestFinished(() => watch.close());
    block(400, 87);
    await expect.poll(() => pauses).toHaveLength(1);
    expect(pauses[0]).toMatchObject({
      level: 'info',
      where: 'unnamed',
      heldMs: 350,
      cpuMs: 87,
      suspects: [],
    });
    expect(holds).toEqual([]);
    // It ran for a quarter of the time, and did not use up the one entry a second of the other kind.
    block(450, 100);
    await expect.poll(() => holds).toHaveLength(1);
    expect(holds[0]).toMatchObject({ level: 'warn', where: 'unnamed', heldMs: 400, cpuMs: 100 });
    expect(pauses).toHaveLength(1);
  });

  it('is named after the transform that runs in line, although the fetch has waited before', async () => {
    const { of } = await start({
      sources: [
        {
          topic: 'slowly',
          every: '1h',
          when: 'always',
          fetch: () => new Promise((resolve) => setImmediate(resolve, 1)),
          transform: function heavy(value) {
            block(150);
            return value;
          },
        },
      ],
    });
    await expect.poll(() => of('the transform heavy of slowly')).toMatchObject({ level: 'warn' });
    expect(of('unnamed')).toBeUndefined();
  });

  it('is told to every server in the process, since they share the loop', async () => {
    const [blocked, other] = [await start({ topics: [{ topic: 'a' }] }), await start({})];
    blocked.headwater.topic('a').subscribe(() => block(150));
    blocked.headwater.topic('a').set(1);
    await expect.poll(() => blocked.of('flush of a')).toBeDefined();
    expect(other.of('flush of a')).toBeDefined();
    expect(other.of('unnamed')).toBeUndefined();
  });

  it('is named after the topics when a subscriber in the process blocks', async () => {
    const { headwater, of } = await start({ topics: [{ topic: 'a' }] });
    headwater.topic('a').subscribe(() => block(150));
    headwater.topic('a').set(1);
    await expect.poll(() => of('flush of a')).toBeDefined();
  });

  it.each([
    ['GET /topics/a', 'request'],
    ['upgrade /ws', 'upgrade'],
  ])('is called %s when that blocks', (where, blocking) => {
    const { holds, logger } = collectHolds();
    const watch = watchLoop(logger);
    onTestFinished(() => watch.close());
    const blockIn = (part: string) => block(part === blocking ? 150 : 0);
    const handlers = watchedHandlers({
      request: () => blockIn('request'),
      upgrade(_request, upgrade) {
        blockIn('upgrade');
        upgrade.refuse(404, {});
      },
    });
    // The contract of a loop policy, driven by hand: what it calls is all that matters here.
    const request = (path: string) => ({ method: 'GET', path }) as HttpRequest;
    handlers.request(request('/topics/a'), {} as HttpResponse);
    handlers.upgrade(request('/ws'), {
      accept() {},
      refuse() {},
      onAbort() {},
    });
    expect(holds.map((entry) => entry.where)).toEqual([where]);
  });

  it('is logged at most once a second, with a count of what was left out', async () => {
    const { headwater, holds } = await start({ topics: [{ topic: 'a' }] });
    const topic = headwater.topic('a');
    let value = 0;
    topic.subscribe(() => block(150));
    await expect
      .poll(() => {
        topic.set(++value);
        return holds.length;
      })
      .toBeGreaterThan(1);
    expect(holds[1]!.leftOut).toBeGreaterThan(0);
  });

  it('is nothing when a source waits without blocking', async () => {
    const polite = async () => {
      await wait(400);
      return 1;
    };
    const { headwater, holds } = await start({
      sources: [{ topic: 'polite', every: '1h', when: 'always', fetch: polite }],
    });
    await expect.poll(() => headwater.topic('polite').value).toBe(1);
    expect(holds).toEqual([]);
  });
});

describe('what holds the event loop by its own work', () => {
  it('is called a WebSocket message when that blocks', async () => {
    const names = collectNames();
    const { headwater } = await start({
      auth: { publish: { tokens: [TOKEN] } },
      limits: { messageBytes: 0 },
      topics: [{ topic: 'large' }],
    });
    const socket = await openWebSocket(`${headwater.listeners[0]!.url.replace('http', 'ws')}/ws`);
    const value = Array.from({ length: 1_000_000 }, (_, key) => ({ key }));
    socket.say({ type: 'auth', token: TOKEN });
    socket.say({ type: 'publish', topic: 'large', value });
    await socket.inbox.nextWhere((message) => message.type === 'published');
    expect(names).toContain('a WebSocket message');
  });

  it('is named after the topic when two large values are compared', async () => {
    const names = collectNames();
    const { headwater } = await start({ topics: [{ topic: 'large' }] });
    const large = (mark: number) =>
      Object.fromEntries(
        Array.from({ length: 300_000 }, (_, key) => [`k${key}`, { key, mark: key % 7 && mark }]),
      );
    const topic = headwater.topic('large');
    for (let mark = 1; mark <= 2; mark += 1) {
      const { version } = topic;
      topic.set(large(mark));
      await expect.poll(() => topic.version).toBeGreaterThan(version);
    }
    expect(names).toContain('the change of large');
  });
});
