import { findSilentPeers, type SilentPeers } from './peer-table.js';
import type { DefectReporter } from './policy.js';

/** Looks in the time of one heartbeat. */
const LOOKS = 4;
/** The kernel waits so long at first, in ms, and twice as long after each retransmission (RFC 6298 section 5.5). */
const FIRST_WAIT = 200;
/** Fewer retransmissions than this are an ordinary loss. */
const LEAST = 3;
/** A machine that has no table of its connections, or shows it to nobody. */
const NO_TABLE = new Set(['ENOENT', 'EACCES', 'EPERM']);

export interface PeerWatchOptions {
  /** Milliseconds within which something is written to each peer. */
  heartbeat: number;
  /** Where the peers have come in. */
  listener(): { readonly host: string; readonly port: number };
  /** Whether anybody is there to be looked for. */
  isNeeded(): boolean;
  /** Told of those that are to be cut. */
  found(silent: SilentPeers): void;
  report: DefectReporter;
}

export interface PeerWatch {
  /** Resolves when it does not look any more. */
  close(): Promise<void>;
}

/**
 * Finds peers that died without a word, though nothing asks them for an answer: what was written, a heartbeat at the
 * latest, has not been acknowledged for about half a heartbeat, and not for 1.4 s. So one is found within two, as long
 * as the round trip is short of the kernel's first wait. Only Linux tells; elsewhere nobody is found, and TCP gives up
 * after minutes.
 */
export function watchPeers(options: PeerWatchOptions): PeerWatch {
  const { heartbeat, listener, isNeeded, found, report } = options;
  const closing = new AbortController();
  const retransmissions = Math.max(LEAST, Math.floor(Math.log2(heartbeat / 2 / FIRST_WAIT + 1)));
  let looking: Promise<void> | undefined;
  let timer = begin();

  function begin(): NodeJS.Timeout {
    return setTimeout(() => {
      looking = look();
    }, heartbeat / LOOKS);
  }

  async function look(): Promise<void> {
    try {
      if (isNeeded()) {
        const silent = await findSilentPeers(listener(), retransmissions, closing.signal);
        if (!closing.signal.aborted && silent.connections.size > 0) found(silent);
      }
    } catch (error) {
      if (NO_TABLE.has((error as NodeJS.ErrnoException).code ?? '')) return;
      if (!closing.signal.aborted) report(error, 'looking for dead peers');
    }
    if (!closing.signal.aborted) timer = begin();
  }

  return {
    async close() {
      clearTimeout(timer);
      closing.abort();
      await looking;
    },
  };
}
