import { HeadwaterError } from '../../shared/errors.js';
import type { Clock } from '../async/clock.js';
import { createTurnstile } from './turnstile.js';

/** How somebody is connected. */
export const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'race'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Somebody inside. */
export interface Guest {
  readonly transport: Transport;
  /** When it was admitted, in ms since the epoch. */
  readonly since: number;
}

/**
 * Knows who is inside: counts the connections that stay (WebSocket, SSE, waiting long-polls, races over TCP), turns away
 * those over a limit, and tells when all of them and all requests in work have ended.
 */
export interface Gatekeeper {
  /**
   * Lets one in and returns what lets it out, which may be called twice.
   * @throws {HeadwaterError} `unavailable` while the server drains, `limit` over a limit.
   */
  admit(address: string, transport: Transport): () => void;
  /**
   * The same, but lets newcomers in at a bounded rate: resolves when it is this one's turn. Who waits counts as inside,
   * until `gone` aborts.
   */
  admitInTurn(address: string, transport: Transport, gone: AbortSignal): Promise<() => void>;
  /** For work that is over at once. @throws {HeadwaterError} `unavailable` while the server drains. */
  requireOpen(): void;
  /** Notes that a request is in work and returns what ends it. */
  begin(): () => void;
  /** Admits nobody from now on; resolves when nobody is inside any more and no request is in work. */
  shut(): Promise<void>;
  readonly isShut: boolean;
  readonly inside: number;
  readonly guests: Iterable<Guest>;
}

export interface GatekeeperLimits {
  connections: number;
  connectionsPerAddress: number;
  acceptPerSecond: number;
}

/** In every limit 0 means: none. */
export function createGatekeeper(limits: GatekeeperLimits, clock: Clock): Gatekeeper {
  const turnstile = createTurnstile(limits.acceptPerSecond, clock);
  const byAddress = new Map<string, number>();
  const guests = new Set<Guest>();
  let inWork = 0;
  let isShut = false;
  let emptied: () => void = () => {};
  const empty = new Promise<void>((resolve) => {
    emptied = resolve;
  });

  function checkEmpty(): void {
    if (isShut && guests.size === 0 && inWork === 0) emptied();
  }

  function requireOpen(): void {
    if (isShut) throw new HeadwaterError('unavailable', 'this server is going away: come back in a moment');
  }

  function admit(address: string, transport: Transport): () => void {
    requireOpen();
    const { connections, connectionsPerAddress } = limits;
    if (connections > 0 && guests.size >= connections) {
      const text = `this server holds ${connections} connections, the most allowed (limits.connections): come back later`;
      throw new HeadwaterError('limit', text, { limit: 'connections' });
    }
    const here = byAddress.get(address) ?? 0;
    if (connectionsPerAddress > 0 && here >= connectionsPerAddress) {
      const text = `your address holds ${here} connections, the most allowed (limits.connectionsPerAddress): close one first`;
      throw new HeadwaterError('limit', text, { limit: 'connectionsPerAddress' });
    }
    const guest: Guest = { transport, since: clock.now() };
    guests.add(guest);
    byAddress.set(address, here + 1);
    return () => {
      if (guests.delete(guest)) left(address);
    };
  }

  function left(address: string): void {
    const others = (byAddress.get(address) ?? 0) - 1;
    if (others > 0) byAddress.set(address, others);
    else byAddress.delete(address);
    checkEmpty();
  }

  return {
    get isShut() {
      return isShut;
    },
    get inside() {
      return guests.size;
    },
    guests,
    requireOpen,
    admit,
    async admitInTurn(address, transport, gone) {
      const leave = admit(address, transport);
      gone.addEventListener('abort', leave, { once: true });
      try {
        await turnstile.pass(gone);
      } catch (error) {
        leave();
        throw error;
      } finally {
        // Whoever is let in sees to its own end.
        gone.removeEventListener('abort', leave);
      }
      return leave;
    },
    begin() {
      inWork += 1;
      return () => {
        inWork -= 1;
        checkEmpty();
      };
    },
    shut() {
      isShut = true;
      turnstile.close();
      checkEmpty();
      return empty;
    },
  };
}
