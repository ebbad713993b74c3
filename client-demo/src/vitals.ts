import type { Json } from '../../shared/json.js';
import { isObject, valueAt } from './json-path.js';

/** What this page shows of a machine's vital signs (the topic `system/vitals` of the built-in demo). */
export interface Vitals {
  host: string;
  uptimeSeconds: number | null;
  /** Percent. */
  cpu: number;
  /** Percent, one a core. */
  cores: number[];
  /** Bytes. */
  memoryUsed: number;
  memoryTotal: number;
  /** Runnable tasks, averaged over 1, 5 and 15 minutes. */
  load: number[];
  /** Bytes a second; `null` where the machine does not tell. */
  networkIn: number | null;
  networkOut: number | null;
  diskRead: number | null;
  diskWritten: number | null;
  /** Milliseconds. */
  loopDelayMedian: number | null;
  loopDelayP99: number | null;
  loopDelayMax: number | null;
  /** The server's own share: bytes, and percent of one core. */
  serverMemory: number | null;
  serverCpu: number | null;
}

/** Reads a value as vital signs; `undefined` where it is something else. */
export function readVitals(value: Json): Vitals | undefined {
  const cpu = numberAt(value, 'cpu', 'totalPercent');
  const memoryUsed = numberAt(value, 'memory', 'usedBytes');
  const memoryTotal = numberAt(value, 'memory', 'totalBytes');
  if (!isObject(value) || cpu === null || memoryUsed === null || memoryTotal === null) return undefined;
  return {
    host: typeof value.host === 'string' ? value.host : '',
    uptimeSeconds: numberAt(value, 'uptimeSeconds'),
    cpu,
    cores: numbers(valueAt(value, ['cpu', 'coresPercent'])),
    memoryUsed,
    memoryTotal,
    load: numbers(value.load),
    networkIn: numberAt(value, 'network', 'inBytesPerSecond'),
    networkOut: numberAt(value, 'network', 'outBytesPerSecond'),
    diskRead: numberAt(value, 'disk', 'readBytesPerSecond'),
    diskWritten: numberAt(value, 'disk', 'writtenBytesPerSecond'),
    loopDelayMedian: numberAt(value, 'eventLoop', 'delayP50Ms'),
    loopDelayP99: numberAt(value, 'eventLoop', 'delayP99Ms'),
    loopDelayMax: numberAt(value, 'eventLoop', 'delayMaxMs'),
    serverMemory: numberAt(value, 'process', 'rssBytes'),
    serverCpu: numberAt(value, 'process', 'cpuPercent'),
  };
}

function numberAt(value: Json, ...path: string[]): number | null {
  const found = valueAt(value, path);
  return typeof found === 'number' ? found : null;
}

function numbers(value: Json | undefined): number[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'number') : [];
}
