import { Queue, QueueShutDown, TaskGroup } from '../async/index.js';
import type { Link, LinkRole } from './link.js';
import type { CopyBounds } from './options.js';
import type { Robots } from './robots.js';

/** An address to be asked. */
export interface Job {
  readonly address: string;
  readonly role: LinkRole;
  /** Links from the start. */
  readonly depth: number;
  /** Redirects that led here. */
  readonly redirects: number;
  /** How many files needed one another on the way here: a page its style, the style its image. */
  readonly chain: number;
}

/** Files that a page may show, on average: a bound for sites that make up images as others make up pages. */
const FILES_PER_PAGE = 50;
/** Style sheets that import style sheets, and so on. */
const MAX_CHAIN = 5;
/** Characters of an address: what is longer no server takes (RFC 9110, section 4.1, asks for 8000). */
const MAX_ADDRESS = 8_000;
/** Addresses left out are counted up to here: a page can have millions. */
const MAX_LEFT = 100_000;

interface FrontierOptions {
  start: string;
  bounds: CopyBounds;
  robots: Robots;
}

/**
 * The addresses that are still to be asked. Each comes once. Those with fewer links between them and the start come
 * first, and all of them are through before the next begin: so what falls within the bounds is no matter of speed.
 */
export interface Frontier {
  /** Addresses that wait or are being asked. */
  readonly size: number;
  readonly skipped: { robots: number; bounds: number };
  /** Takes a link of the document that `from` came to, if it leads to something that belongs to the copy. */
  follow(link: Link, from: Job): void;
  /** Takes the target of a redirect. False if it leads to another host. */
  redirect(address: string, from: Job): boolean;
  /** Hands every address to `visit`, until there is none left. What `visit` throws ends it. */
  drain(visit: (job: Job, signal: AbortSignal) => Promise<void>, options: DrainOptions): Promise<void>;
}

interface DrainOptions {
  concurrency: number;
  signal: AbortSignal;
}

/** A frontier that holds the start. */
export function createFrontier({ start, bounds, robots }: FrontierOptions): Frontier {
  const { origin } = new URL(start);
  const seen = new Set([start]);
  const left = new Map<string, 'robots' | 'bounds'>();
  let pages = 1;
  let files = 0;
  let size = 1;
  let level = new Queue<Job>();
  let next: Job[] = [{ address: start, role: 'page', depth: 0, redirects: 0, chain: 0 }];

  /** Whether an address is new, on this host and allowed. */
  function isWanted(address: string): boolean {
    if (seen.has(address) || address.length > MAX_ADDRESS || new URL(address).origin !== origin) return false;
    if (robots(address)) return true;
    leave(address, 'robots');
    return false;
  }

  function followPage(address: string, from: Job): void {
    if (from.depth >= bounds.depth || pages >= bounds.pages) {
      leave(address, 'bounds');
      return;
    }
    pages++;
    next.push({ address, role: 'page', depth: from.depth + 1, redirects: 0, chain: 0 });
    accept(address);
  }

  function followFile(address: string, role: LinkRole, from: Job): void {
    if (from.chain >= MAX_CHAIN || files >= bounds.pages * FILES_PER_PAGE) {
      leave(address, 'bounds');
      return;
    }
    files++;
    level.putNowait({ address, role, depth: from.depth, redirects: 0, chain: from.chain + 1 });
    accept(address);
  }

  function accept(address: string): void {
    seen.add(address);
    left.delete(address);
    size++;
  }

  /** What is too far to go to may still be shown by a page, so it counts as seen only when it is taken. */
  function leave(address: string, why: 'robots' | 'bounds'): void {
    if (left.size < MAX_LEFT) left.set(address, why);
  }

  async function work(visit: (job: Job, signal: AbortSignal) => Promise<void>, signal: AbortSignal) {
    try {
      for (;;) {
        const job = await level.get({ signal });
        try {
          await visit(job, signal);
        } finally {
          size--;
          level.taskDone();
        }
      }
    } catch (error) {
      if (!(error instanceof QueueShutDown)) throw error;
    }
  }

  return {
    get size() {
      return size;
    },
    get skipped() {
      const skipped = { robots: 0, bounds: 0 };
      for (const why of left.values()) skipped[why]++;
      return skipped;
    },
    follow({ address, role }, from) {
      if (role === 'mention' || !isWanted(address)) return;
      if (role === 'page') followPage(address, from);
      else followFile(address, role, from);
    },
    redirect(address, from) {
      if (new URL(address).origin !== origin) return false;
      if (!isWanted(address)) return true;
      level.putNowait({ ...from, address, redirects: from.redirects + 1 });
      accept(address);
      return true;
    },
    async drain(visit, { concurrency, signal }) {
      while (next.length > 0) {
        level = new Queue<Job>();
        for (const job of next) level.putNowait(job);
        next = [];
        await TaskGroup.run(
          async (group) => {
            for (let i = 0; i < concurrency; i++) {
              group.createTask((own) => work(visit, own), { name: 'copy' });
            }
            await level.join({ signal: group.signal });
            level.close();
          },
          { signal, name: 'copy' },
        );
      }
    },
  };
}
