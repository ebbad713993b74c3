import type { Registry } from 'prom-client';
import type { NamedPipeline, SinkCounts, StageStats } from '../source/readings.js';
import { addFamily, addSingle } from './families.js';

export function addSinkMetrics(registry: Registry, read: () => SinkCounts): void {
  addSingle(registry, 'sink_writes_total', 'Values written to sinks', () => read().writes);
  addSingle(
    registry,
    'sink_failures_total',
    'Attempts to write to a sink that failed',
    () => read().failures,
  );
  addSingle(
    registry,
    'sink_dropped_total',
    'Values that a sink could not take in time',
    () => read().dropped,
  );
  addSingle(registry, 'failing_sinks', 'Sinks that cannot be written to', () => read().failing);
}

export function addPipelineMetrics(registry: Registry, read: () => readonly NamedPipeline[]): void {
  function ofStages(name: string, help: string, value: (stage: StageStats) => number): void {
    const labels = ['pipeline', 'stage'];
    addFamily(registry, `pipeline_${name}`, `${help}, by stage of a pipeline that runs`, labels, () =>
      read().flatMap(({ name: pipeline, stages }) =>
        stages.map((stage) => [value(stage), { pipeline, stage: stage.stage }] as const),
      ),
    );
  }

  ofStages('in_total', 'Items taken up', (stage) => stage.in);
  ofStages('out_total', 'Items done', (stage) => stage.out);
  ofStages('failures_total', 'Items that failed', (stage) => stage.failures);
  ofStages('busy_seconds_total', 'Time spent on items', (stage) => stage.busy / 1000);
  ofStages('queued', 'Items that wait', (stage) => stage.queued);
  ofStages('active', 'Items worked on', (stage) => stage.active);
}
