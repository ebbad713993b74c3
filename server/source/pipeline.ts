import { HeadwaterError } from '../../shared/errors.js';
import { ExceptionGroup, QueueShutDown } from '../async/errors.js';
import { Queue } from '../async/queue.js';
import { TaskGroup } from '../async/task-group.js';
import { unlessAborted } from './function.js';
import type { NamedPipeline, StageStats } from './readings.js';

/** What one stage does with an item. It must let go of everything when `signal` aborts: the pipeline stops. */
export type StageWork<In, Out> = (item: In, context: { signal: AbortSignal }) => Out | PromiseLike<Out>;

export interface StageOptions {
  /** How many items it works on at once; default 1. With more, items may overtake each other. */
  concurrency?: number;
  /** How many items wait before it; default 16. Whoever brings one more waits for room. */
  queue?: number;
}

/** An item that a stage failed on. */
export interface StageFailure {
  stage: string;
  item: unknown;
  error: unknown;
}

export interface PipelineOptions {
  /** With a name, the metrics of every server in the process show its counters while it runs. */
  name?: string;
  /** Hears of an item that a stage failed on; the item is dropped. Absent: the first failure stops the pipeline. */
  onFailure?: (failure: StageFailure) => void;
}

/** Stages one after the other, each with a bounded queue before it. */
export interface Pipeline<In, Last> {
  /** A pipeline with one more stage, which gets what the last one gave. What the last stage gives is dropped. */
  stage<Out>(name: string, work: StageWork<Last, Out>, options?: StageOptions): Pipeline<In, Out>;
  /** Starts it. `signal` cancels it; if that is the signal of a task, the task owns it. */
  start(options?: { signal?: AbortSignal }): RunningPipeline<In>;
}

/** A pipeline at work. Leaving an `await using` block cancels what it has not finished. */
export interface RunningPipeline<In> extends AsyncDisposable {
  readonly stages: readonly Readonly<StageStats>[];
  /**
   * Brings an item, waiting for room in the first queue.
   * @throws what stopped the pipeline; {@link HeadwaterError} `closed` after `end`
   */
  put(item: In): Promise<void>;
  /**
   * Takes no more items and resolves when all are through.
   * @throws what a stage threw, an `ExceptionGroup` if several did; a `CancelledError` if it was cancelled
   */
  end(): Promise<void>;
  /** Brings all items, one after the other, and ends. */
  run(items: Iterable<In> | AsyncIterable<In>): Promise<void>;
}

const QUEUE = 16;

interface Stage {
  name: string;
  // Between stages the types are checked by `stage`, and unknown here.
  work: StageWork<never, unknown>;
  concurrency: number;
  queue: number;
}

const running = new Set<NamedPipeline>();

/** The pipelines with a name that run in this process. */
export function runningPipelines(): readonly NamedPipeline[] {
  return [...running];
}

/**
 * Makes a pipeline: `pipeline<string>().stage('fetch', get).stage('parse', JSON.parse).stage('sink', save)`. A slow stage
 * holds up those before it, so that no more items are under way than the queues and the concurrency of the stages
 * allow.
 */
export function pipeline<In>(options: PipelineOptions = {}): Pipeline<In, In> {
  return withStages([], options);
}

function withStages<In, Last>(stages: readonly Stage[], options: PipelineOptions): Pipeline<In, Last> {
  return {
    stage(name, work, { concurrency = 1, queue = QUEUE } = {}) {
      atLeastOne(name, { concurrency, queue });
      return withStages([...stages, { name, work, concurrency, queue }], options);
    },
    start({ signal } = {}) {
      if (stages.length === 0) throw new RangeError('a pipeline needs a stage: call stage() before start()');
      return startPipeline(stages, options, signal);
    },
  };
}

function atLeastOne(stage: string, bounds: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(bounds)) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`the ${name} of stage "${stage}" is ${value}: give a whole number from 1`);
  }
}

/** A stage at work, with the queue before it. */
interface Station extends Stage {
  items: Queue<unknown>;
  stats: StageStats;
  workers: number;
}

function startPipeline<In>(
  stages: readonly Stage[],
  { name, onFailure }: PipelineOptions,
  signal: AbortSignal | undefined,
): RunningPipeline<In> {
  const stations = stages.map(stationOf);
  const first = stations[0]!;
  const group = TaskGroup.run(
    (tasks) => {
      for (const [index, station] of stations.entries()) {
        const next = stations[index + 1];
        for (let i = 0; i < station.concurrency; i++) {
          const work = (stop: AbortSignal) => workAt(station, { next, onFailure, signal: stop });
          tasks.createTask(work, { name: station.name });
        }
      }
    },
    { name: name ?? 'pipeline', signal },
  );
  const over = new AbortController();
  const done = Promise.resolve(group).then(
    () => over.abort(new HeadwaterError('closed', 'the pipeline has ended')),
    (error: unknown) => {
      const only = error instanceof ExceptionGroup && error.errors.length === 1 ? error.errors[0] : error;
      over.abort(only);
      throw only;
    },
  );
  let putting = 0;
  let ended = false;

  const pipe: RunningPipeline<In> = {
    stages: stations.map(({ stats }) => stats),
    async put(item) {
      if (ended) throw new HeadwaterError('closed', 'the pipeline takes no more items: end() was called');
      putting += 1;
      try {
        await first.items.put(item, { signal: over.signal });
      } catch (error) {
        throw over.signal.aborted ? over.signal.reason : error;
      } finally {
        putting -= 1;
        if (ended && putting === 0) first.items.close();
      }
    },
    end() {
      ended = true;
      if (putting === 0) first.items.close();
      return done;
    },
    async run(items) {
      const iterator =
        Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
      try {
        for (;;) {
          // The next item may never come, and the pipeline end meanwhile.
          const step = await unlessAborted(over.signal, async () => iterator.next());
          if (step.done) break;
          await pipe.put(step.value);
        }
      } catch (error) {
        group.cancel(error);
        await done.catch(() => {});
        // Not awaited: it may be in the middle of that item.
        Promise.resolve(iterator.return?.()).catch(() => {});
        throw error;
      }
      await pipe.end();
    },
    async [Symbol.asyncDispose]() {
      ended = true;
      group.cancel('the block that held the pipeline was left');
      await done.catch(() => {});
    },
  };
  const named = name !== undefined && { name, stages: pipe.stages };
  if (named) running.add(named);
  // Whoever calls `end` or `put` hears of a failure; that nobody does yet is no defect.
  done.catch(() => {}).finally(() => named && running.delete(named));
  return pipe;
}

function stationOf(stage: Stage): Station {
  const items = new Queue<unknown>({ maxSize: stage.queue });
  const stats: StageStats = {
    stage: stage.name,
    in: 0,
    out: 0,
    failures: 0,
    get queued() {
      return items.size;
    },
    active: 0,
    busy: 0,
  };
  return { ...stage, items, stats, workers: stage.concurrency };
}

interface Surroundings {
  next: Station | undefined;
  onFailure: PipelineOptions['onFailure'];
  signal: AbortSignal;
}

/** One worker of a stage: item after item, until the queue before it is closed and empty. */
async function workAt(station: Station, { next, onFailure, signal }: Surroundings): Promise<void> {
  const { items, stats, name } = station;
  for (;;) {
    let item: unknown;
    try {
      item = await items.get({ signal });
    } catch (error) {
      if (error instanceof QueueShutDown) break;
      throw error;
    }
    const began = performance.now();
    stats.in += 1;
    stats.active += 1;
    let result: unknown;
    try {
      result = await station.work(item as never, { signal });
    } catch (error) {
      if (signal.aborted) throw error;
      stats.failures += 1;
      if (!onFailure) throw error;
      onFailure({ stage: name, item, error });
      continue;
    } finally {
      stats.active -= 1;
      stats.busy += performance.now() - began;
    }
    stats.out += 1;
    if (next) await next.items.put(result, { signal });
  }
  station.workers -= 1;
  if (station.workers === 0) next?.items.close();
}
