import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { parseDiskBytes, parseNetworkBytes } from '../../server/source/system/linux.js';
import { type SystemVitals, systemSource } from '../../server/source/system/system.js';

async function vitals(source: ReturnType<typeof systemSource>): Promise<SystemVitals> {
  const fetched = await source.fetch({ signal: new AbortController().signal, previous: undefined });
  expect(fetched.kind).toBe('value');
  return (fetched as { value: unknown }).value as SystemVitals;
}

it('the vital signs of this machine are complete and plausible from the first fetch on', async () => {
  const source = systemSource();
  const running = new AbortController();
  onTestFinished(() => running.abort());
  source.watch?.(() => {}, running.signal);
  for (let i = 0; i < 2; i++) {
    const { cpu, memory, load, eventLoop, process: own, ...rest } = await vitals(source);
    expect(cpu.coresPercent).toHaveLength(cpus().length);
    for (const percent of [cpu.totalPercent, ...cpu.coresPercent]) {
      expect(percent).toBeGreaterThanOrEqual(0);
      expect(percent).toBeLessThanOrEqual(100);
    }
    expect(memory.usedBytes).toBeGreaterThan(0);
    expect(memory.totalBytes).toBeGreaterThan(memory.usedBytes);
    expect(load).toHaveLength(3);
    expect(eventLoop.delayMaxMs).toBeGreaterThanOrEqual(eventLoop.delayP50Ms);
    expect(own.rssBytes).toBeGreaterThan(1e6);
    expect(rest.uptimeSeconds).toBeGreaterThan(0);
    if (process.platform === 'linux') {
      expect(rest.network?.inBytesPerSecond).toBeGreaterThanOrEqual(0);
      expect(rest.disk?.writtenBytesPerSecond).toBeGreaterThanOrEqual(0);
    }
  }
});

it('work that holds the event loop right after a fetch shows in the delay', async () => {
  const source = systemSource();
  const running = new AbortController();
  onTestFinished(() => running.abort());
  source.watch?.(() => {}, running.signal);
  await vitals(source);
  const until = performance.now() + 300;
  while (performance.now() < until);
  await delay(60);
  expect((await vitals(source)).eventLoop.delayMaxMs).toBeGreaterThan(200);
});

it('a fetch that is called off during its first measurement ends at once', async () => {
  const controller = new AbortController();
  const fetched = systemSource().fetch({ signal: controller.signal, previous: undefined });
  controller.abort();
  await expect(fetched).rejects.toThrow();
});

it('network traffic is counted once, and without what stays on the machine', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 104519821631 22721409    0    0    0     0          0         0 104519821631 22721409    0    0    0     0       0          0
  eth0: 1000   17371    0    0    0     0          0         0  300   11199    0    0    0     0       0          0
veth12: 9999   17371    0    0    0     0          0         0  9999   11199    0    0    0     0       0          0
wlp3s0:20 1    0    0    0     0          0         0  7   1    0    0    0     0       0          0
`;
  expect(parseNetworkBytes(text)).toEqual({ in: 1_020, out: 307 });
});

it('disk traffic counts whole disks, not their partitions', () => {
  const text = `   7       0 loop0 5 0 40 0 0 0 0 0 0 0 0 0 0 0 0 0 0
 254       0 vda 149516 31318 70 31525 36465 40734 30 21178 0 13164 56666 13312 86 736056 2391 4376 1572
 254       1 vda1 149516 31318 70 31525 36465 40734 30 21178 0 13164 56666 13312 86 736056 2391 4376 1572
 259       0 nvme0n1 1 0 2 0 1 0 1 0 0 0 0 0 0 0 0 0 0
 259       1 nvme0n1p1 1 0 2 0 1 0 1 0 0 0 0 0 0 0 0 0 0
 253       0 dm-0 9 0 90 0 9 0 90 0 0 0 0 0 0 0 0 0 0
`;
  expect(parseDiskBytes(text)).toEqual({ in: 72 * 512, out: 31 * 512 });
});
