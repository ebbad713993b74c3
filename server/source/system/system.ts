import { type CpuInfo, cpus, freemem, hostname, loadavg, totalmem, uptime } from 'node:os';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Source } from '../source.js';
import { type ByteCounters, readDiskBytes, readNetworkBytes } from './linux.js';

/**
 * This machine's vital signs. Percentages run from 0 to 100 and are, like rates, averages over the time since the last
 * fetch. `network` and `disk` are absent where the system does not tell (anywhere but on Linux).
 */
export type SystemVitals = {
  host: string;
  uptimeSeconds: number;
  /** Busy time of all cores together, and of each. */
  cpu: { totalPercent: number; coresPercent: number[] };
  /** Used: what a new program could not have. */
  memory: { usedBytes: number; totalBytes: number };
  /** Runnable tasks, averaged over 1, 5 and 15 minutes; zeros on Windows. */
  load: number[];
  /** All interfaces to the outside together. */
  network?: { inBytesPerSecond: number; outBytesPerSecond: number };
  /** All whole disks together. */
  disk?: { readBytesPerSecond: number; writtenBytesPerSecond: number };
  /** How late timers of this process fired since the last fetch but one. */
  eventLoop: { delayP50Ms: number; delayP99Ms: number; delayMaxMs: number };
  /** This process. `cpuPercent` counts one core as 100. */
  process: { rssBytes: number; cpuPercent: number };
};

/** The first fetch has nothing to compare with, so it takes this long to measure. */
const FIRST_SPAN = 200;
/** The histograms' own timer, in ms; they record the whole distance between two firings. */
const RESOLUTION = 20;

interface Sample {
  at: number;
  cores: CpuInfo[];
  network: ByteCounters | undefined;
  disk: ByteCounters | undefined;
  processMicros: number;
}

/** The vital signs of the machine and process it runs on, as {@link SystemVitals}. */
export function systemSource(): Source {
  // A histogram that was just reset misses the work that follows a fetch at once, which is what holds this loop most.
  // So there are two, each read at every other fetch.
  const loopDelays = [
    monitorEventLoopDelay({ resolution: RESOLUTION }),
    monitorEventLoopDelay({ resolution: RESOLUTION }),
  ];
  let last: Sample | undefined;

  return {
    label: 'this machine',
    async fetch({ signal }) {
      signal.throwIfAborted();
      const before = last ?? (await takeSample());
      if (!last) await delay(FIRST_SPAN, undefined, { signal });
      const now = await takeSample();
      last = now;
      const loopDelay = loopDelays.reverse()[0]!;
      const value = vitals(before, now, readDelay(loopDelay)) satisfies SystemVitals;
      return { kind: 'value', value };
    },
    // Nothing to report: this is how the source learns how long it runs.
    watch(_changed, signal) {
      for (const loopDelay of loopDelays) loopDelay.enable();
      signal.addEventListener(
        'abort',
        () => {
          for (const loopDelay of loopDelays) loopDelay.disable();
        },
        { once: true },
      );
      last = undefined;
    },
  };
}

async function takeSample(): Promise<Sample> {
  const [network, disk] = await Promise.all([readNetworkBytes(), readDiskBytes()]);
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), cores: cpus(), network, disk, processMicros: user + system };
}

function vitals(before: Sample, now: Sample, eventLoop: SystemVitals['eventLoop']): SystemVitals {
  const seconds = Math.max(0.001, (now.at - before.at) / 1_000);
  const rate = (from: number, to: number) => Math.max(0, Math.round((to - from) / seconds));
  const network = before.network &&
    now.network && {
      inBytesPerSecond: rate(before.network.in, now.network.in),
      outBytesPerSecond: rate(before.network.out, now.network.out),
    };
  const disk = before.disk &&
    now.disk && {
      readBytesPerSecond: rate(before.disk.in, now.disk.in),
      writtenBytesPerSecond: rate(before.disk.out, now.disk.out),
    };
  const totalBytes = totalmem();
  return {
    host: hostname(),
    uptimeSeconds: Math.round(uptime()),
    cpu: coreUse(before.cores, now.cores),
    memory: { usedBytes: totalBytes - freemem(), totalBytes },
    load: loadavg().map((value) => rounded(value, 2)),
    ...(network && { network }),
    ...(disk && { disk }),
    eventLoop,
    process: {
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: rounded((now.processMicros - before.processMicros) / (seconds * 1e4), 1),
    },
  };
}

function coreUse(before: CpuInfo[], now: CpuInfo[]): SystemVitals['cpu'] {
  let allBusy = 0;
  let all = 0;
  const coresPercent = now.map((core, i) => {
    // A core that has just come up is compared with nothing.
    const busy = busyTime(core) - (before[i] ? busyTime(before[i]) : 0);
    const time = busy + core.times.idle - (before[i]?.times.idle ?? 0);
    allBusy += busy;
    all += time;
    return percent(busy, time);
  });
  return { totalPercent: percent(allBusy, all), coresPercent };
}

function busyTime({ times }: CpuInfo): number {
  return times.user + times.nice + times.sys + times.irq;
}

function readDelay(histogram: IntervalHistogram): SystemVitals['eventLoop'] {
  const late = (nanoseconds: number) =>
    histogram.count === 0 ? 0 : Math.max(0, rounded(nanoseconds / 1e6 - RESOLUTION, 2));
  const delays = {
    delayP50Ms: late(histogram.percentile(50)),
    delayP99Ms: late(histogram.percentile(99)),
    delayMaxMs: late(histogram.max),
  };
  histogram.reset();
  return delays;
}

function percent(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(100, Math.max(0, rounded((part / whole) * 100, 1)));
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
