import type { Clock } from '../../async/clock.js';
import type { HostReading } from '../readings.js';
import { createHost, type Host } from './host.js';
import type { Quota } from './quota.js';

export interface HostLimits {
  concurrency: number;
  quotas: readonly Quota[];
}

/** The hosts that one server asks. */
export interface Hosts {
  /** The host behind an origin (RFC 6454), such as `https://api.example:8443`. */
  at(origin: string): Host;
  /** Of all hosts asked so far, in the order of asking. */
  readings(): HostReading[];
}

/** Of a host without an entry: far more than its sources need, and no flood when all of them fetch at once. */
const UNLISTED: HostLimits = { concurrency: 32, quotas: [] };

/**
 * `limits` by host and port (`api.example:8443`), or by host for all of its ports that have no entry; these then share
 * one budget and one circuit. Hosts without an entry are told apart by their port.
 */
export function createHosts(clock: Clock, limits: Readonly<Record<string, HostLimits>> = {}): Hosts {
  const byName = new Map<string, Host>();
  const byOrigin = new Map<string, Host>();

  function find(origin: string): Host {
    const { protocol, hostname, host, port } = new URL(origin);
    const withPort = `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
    const name = [withPort, hostname].find((candidate) => Object.hasOwn(limits, candidate)) ?? host;
    const known = byName.get(name);
    if (known) return known;
    const made = createHost({ name, clock, ...(Object.hasOwn(limits, name) ? limits[name]! : UNLISTED) });
    byName.set(name, made);
    return made;
  }

  return {
    at(origin) {
      const known = byOrigin.get(origin);
      if (known) return known;
      const host = find(origin);
      byOrigin.set(origin, host);
      return host;
    },
    readings: () => [...byName.values()].map(readingOf),
  };
}

function readingOf({ name, gate, counts, clock }: Host): HostReading {
  const now = clock.elapsed();
  return {
    host: name,
    ...counts,
    active: gate.active,
    waiting: gate.waiting,
    circuit: gate.circuit,
    paused: gate.paused,
    budgets: gate.meters.map(({ quota, left }) => ({ budget: quota.text, left: left(now) })),
  };
}
