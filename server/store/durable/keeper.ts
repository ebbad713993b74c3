import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { HeadwaterError } from '../../../shared/errors.js';
import type { TopicKind } from '../../../shared/messages.js';
import { before } from '../../async/before.js';
import { type Clock, systemClock } from '../../async/clock.js';
import type { TopicFlush, TopicView } from '../topic.js';
import { currentBoot } from './boot.js';
import { type Draft, startDraft } from './draft.js';
import { lineOf } from './entry.js';
import { entriesOf, type Ledger } from './ledger.js';
import { BEHIND, JOURNAL, type Loaded, loadTopics } from './load.js';
import { lockFolder } from './lock.js';
import { createRecovery, type Health, reasonOf } from './recovery.js';
import type { SavedTopic } from './saved-topic.js';
import { setAside } from './set-aside.js';
import { syncFolder } from './sync-folder.js';

/** What keeping did so far. */
export interface KeeperState extends Health {
  /** Of the journal. */
  bytes: number;
  /** Flushes written. */
  writes: number;
  /** Milliseconds spent on that. */
  writeTime: number;
  /** Times the journal was made anew. */
  rewrites: number;
}

export interface KeeperOptions {
  clock?: Clock;
  /** Hears when keeping begins to fail, and when it works again: not of every attempt. */
  onTurn(state: Readonly<KeeperState>, error?: unknown): void;
  /** Hears of the topics that nobody asked for since the start and that are no longer kept. */
  onDropped?(topics: readonly string[]): void;
  /** A journal below so many bytes is not made anew; default 8 MiB. */
  smallest?: number;
  /** Names the time since the system was started; default: what the system says. */
  boot?: string | undefined;
}

/** Keeps the topics of one store in a folder, so that they survive the process. */
export interface Keeper {
  readonly state: Readonly<KeeperState>;
  /** What was kept before. */
  readonly loaded: Omit<Loaded, 'topics'>;
  /** Names of the topics that were kept before and nobody has recalled yet. */
  unclaimed(): string[];
  /** Gives what was kept of a topic, once; nothing if it was one of another kind. */
  recall(name: string, kind: TopicKind): SavedTopic | undefined;
  /** Writes down all topics; from now on every flush is to be given to {@link write}. Never rejects. */
  begin(topics: () => Iterable<TopicView>): Promise<void>;
  /** Writes down a flush before it returns, so that no client can know what a restart does not. Never throws. */
  write(flushes: readonly TopicFlush[]): void;
  /** After the last flush: ends the journal in order and gives the folder back, within `limit` ms. Never rejects. */
  close(limit: number): Promise<void>;
}

const SMALLEST = 8 * 1024 * 1024;
/** The journal is made anew when it is so many times as large as it was when it was made. */
const GROWTH = 3;
/** How long a topic that was kept may wait to be asked for again, in ms. */
const UNCLAIMED_FOR = 60 * 60 * 1000;
const DAMAGED = 'topics.damaged';

/**
 * Opens a folder, which is made if it is missing, and reads what was kept in it.
 * @throws {HeadwaterError} `state_locked` where another server uses it, `state_unavailable` where it cannot be used
 */
export async function openKeeper(folder: string, options: KeeperOptions): Promise<Keeper> {
  const { clock = systemClock, smallest = SMALLEST, onTurn, onDropped } = options;
  const boot = 'boot' in options ? options.boot : currentBoot();
  const journal = join(folder, JOURNAL);
  const state: KeeperState = {
    bytes: 0,
    writes: 0,
    writeTime: 0,
    rewrites: 0,
    failures: 0,
    failing: undefined,
  };
  let unlock: (() => Promise<void>) | undefined;
  let current: Ledger | undefined;
  let draft: Draft | undefined;
  let calledOff = new AbortController();
  let rewriting: Promise<void> | undefined;
  let rewriteAt = 0;
  let topics: () => Iterable<TopicView> = () => [];
  let closed = false;
  const recovery = createRecovery({
    health: state,
    clock,
    onTurn: (error) => onTurn(state, error),
    attempt: startRewriting,
  });

  const { topics: saved, ...loaded } = await open();
  const openedAtElapsed = clock.elapsed();

  async function open(): Promise<Loaded> {
    try {
      await lock();
      return await loadTopics(folder, boot);
    } catch (cause) {
      await unlock?.();
      if (cause instanceof HeadwaterError) throw cause;
      const message = `state.dir ${folder} cannot be used: ${reasonOf(cause)}`;
      throw new HeadwaterError('state_unavailable', message, { cause });
    }
  }

  async function lock(): Promise<void> {
    if (unlock) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    unlock = await lockFolder(folder, (error) => {
      unlock = undefined;
      calledOff.abort(error);
      abandon(error);
    });
  }

  /** Never rejects. */
  async function rewrite(): Promise<void> {
    calledOff = new AbortController();
    try {
      await lock();
      if (clock.elapsed() - openedAtElapsed > UNCLAIMED_FOR) dropUnclaimed();
      draft = startDraft({
        folder,
        boot,
        unclaimed: () => saved.values(),
        topics,
        adopt,
        signal: calledOff.signal,
      });
      await draft.done;
      // Or a power cut would bring back the journal of the process before.
      await syncFolder(folder);
      await rm(join(folder, BEHIND), { force: true });
    } catch (error) {
      draft = undefined;
      if (closed) return;
      recovery.failed(error);
      recovery.tryLater();
    }
  }

  function startRewriting(): void {
    if (rewriting || closed) return;
    recovery.cancel();
    rewriting = rewrite().then(() => {
      rewriting = undefined;
    });
  }

  function adopt(ledger: Ledger): void {
    const previous = current;
    current = ledger;
    draft = undefined;
    state.rewrites += 1;
    state.bytes = ledger.file.size;
    rewriteAt = Math.max(smallest, ledger.file.size * GROWTH);
    recovery.succeeded();
    if (previous) release(previous);
  }

  /** The journal is behind what clients know from now on, and must never be taken for complete again. */
  function abandon(error: unknown): void {
    const ledger = current;
    current = undefined;
    try {
      setAside(folder, ledger?.file.identity.inode);
    } finally {
      if (ledger) release(ledger);
      recovery.failed(error);
      if (!closed) recovery.tryLater();
    }
  }

  function release({ file }: Ledger): void {
    // What could not be written by now is in the next journal.
    file.close().catch(() => {});
  }

  function dropUnclaimed(): void {
    if (saved.size > 0) onDropped?.([...saved.keys()]);
    saved.clear();
  }

  async function end(): Promise<void> {
    try {
      await rewriting;
      if (!current) return;
      const { file } = current;
      file.append([lineOf({ is: 'end' })]);
      await file.sync();
      await file.close();
    } catch (error) {
      recovery.failed(error);
    } finally {
      await unlock?.().catch(recovery.failed);
    }
  }

  return {
    state,
    loaded,
    unclaimed: () => [...saved.keys()],
    recall(name, kind) {
      const found = saved.get(name);
      saved.delete(name);
      if (!found || found.kind === kind) return found;
      onDropped?.([name]);
      return undefined;
    },
    async begin(all) {
      topics = all;
      if (loaded.damaged) await rename(journal, join(folder, DAMAGED)).catch(recovery.failed);
      rewriting = rewrite();
      await rewriting;
      rewriting = undefined;
      if (!current) setAside(folder);
    },
    write(flushes) {
      draft?.heard(flushes);
      if (!current) return;
      const began = performance.now();
      try {
        const entries = entriesOf(flushes, current);
        if (entries.length === 0) return;
        current.file.append(entries);
        state.writes += 1;
        state.bytes = current.file.size;
        if (state.bytes > rewriteAt && !recovery.isPlanned) startRewriting();
      } catch (error) {
        abandon(error);
      }
      state.writeTime += performance.now() - began;
    },
    async close(limit) {
      closed = true;
      recovery.cancel();
      calledOff.abort(new HeadwaterError('closed', 'the server stops'));
      await before(end(), limit);
    },
  };
}
