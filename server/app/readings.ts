import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../async/clock.js';
import { type Gatekeeper, TRANSPORTS } from '../edge/gatekeeper.js';
import type { LimitHits } from '../edge/limit-hits.js';
import type { Hub } from '../hub/hub.js';
import type { ConnectionsReading } from '../observe/delivery-metrics.js';
import type { Readings } from '../observe/metrics.js';
import type { TopicReading } from '../observe/topic-metrics.js';
import { runningPipelines } from '../source/pipeline.js';
import type { Keeper } from '../store/durable/keeper.js';
import type { Store } from '../store/store.js';
import { livenessOf } from './connection-readings.js';
import type { Sinks } from './sinks.js';
import type { Sources } from './sources.js';
import { stateReading } from './state.js';

/** What the metrics of one server are read from. */
export interface Measured {
  clock: Clock;
  store: Store;
  hub: Hub;
  gatekeeper: Gatekeeper;
  /** How many connections the TCP echo has. */
  echo: () => number;
  limitHits: LimitHits;
  sources: Sources;
  sinks: Sinks;
  keeper: Keeper | undefined;
}

/**
 * Reads what all parts of a server counted so far. What goes through all topics or connections has a turn of the event
 * loop of its own, so that many of both do not hold it for long.
 */
export async function takeReadings(measured: Measured): Promise<Readings> {
  const { clock, gatekeeper, hub, limitHits, sources, sinks, keeper } = measured;
  const topics = topicsOf(measured);
  await setImmediate();
  const liveness = livenessOf(clock, gatekeeper, hub);
  await setImmediate();
  return {
    connections: connectionsOf(measured),
    liveness,
    limitHits: limitHits.totals,
    topics,
    hub: hub.stats,
    sources: {
      ...sources.counts(),
      fetchDurations: sources.fetchDurations,
      urls: sources.urls(),
      streams: sources.streams(),
      templates: sources.templates(),
      batches: sources.batches(),
    },
    hosts: sources.hosts(),
    sinks: sinks.counts(),
    pipelines: runningPipelines(),
    state: stateReading(keeper),
  };
}

/** Connections now, by how they came. */
function connectionsOf({ gatekeeper, echo }: Measured): ConnectionsReading {
  const byTransport: Record<string, number> = { echo: echo() };
  for (const transport of TRANSPORTS) byTransport[transport] = 0;
  for (const { transport } of gatekeeper.guests) byTransport[transport]! += 1;
  return { inside: gatekeeper.inside, byTransport };
}

function topicsOf({ clock, store, hub }: Measured): TopicReading[] {
  const now = clock.now();
  const readings: TopicReading[] = [];
  for (const { name, version, asOf, freshness, served } of store.topics()) {
    readings.push({
      topic: name,
      version,
      subscribers: hub.subscribers(name),
      age: asOf === undefined ? undefined : Math.max(0, now - asOf),
      stale: freshness.stale,
      served,
    });
  }
  return readings;
}
