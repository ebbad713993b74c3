import { HeadwaterError } from '../../shared/errors.js';
import type { Clock } from '../async/clock.js';
import { networkOf } from './client-network.js';
import { createTurnstile } from './turnstile.js';

/** How somebody is connected. */
export const TRANSPORTS = ['websocket', 'sse', 'long-poll', 'race'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Somebody inside. */
export interface Guest {
  readonly transport: Transport;
  /** When it was admitted, by `clock.elapsed`. */
  readonly admittedAtElapsed: number;
  /** Lets it out. Idempotent. */
  leave(): void;
}

/**
 * Knows who is inside: counts the connections that stay (WebSocket, SSE, waiting long-polls, races over TCP), turns away
 * those over a limit, and tells when all of them and all requests in work have ended.
 */
export interface Gatekeeper {
  /**
   * Lets one in.
   * @throws {HeadwaterError} `unavailable` while the server drains, `limit` over a limit.
   */
  admit(address: string, transport: Transport): Guest;
  /**
   * The same, but lets newcomers in at a bounded rate: resolves when it is this one's turn. Who waits counts as inside,
   * until `gone` aborts.
   */
  admitInTurn(address: string, transport: Transport, gone: AbortSignal): Promise<Guest>;
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
  /** Of one IPv4 address, or of one /64 of IPv6. */
  connectionsPerAddress: number;
  acceptPerSecond: number;
}

/** In every limit 0 means: none. */
export function createGatekeeper(limits: GatekeeperLimits, clock: Clock): Gatekeeper {
  const turnstile = createTurnstile(limits.acceptPerSecond, clock);
  const byNetwork = new Map<string, number>();
  const guests = new Set<Inside>();
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

  function admit(address: string, transport: Transport): Guest {
    requireOpen();
    const { connections, connectionsPerAddress } = limits;
    if (connections > 0 && guests.size >= connections) {
      const text = `this server holds ${connections} connections, the most allowed (limits.connections): come back later`;
      throw new HeadwaterError('limit', text, { limit: 'connections' });
    }
    const network = networkOf(address);
    const here = byNetwork.get(network) ?? 0;
    if (connectionsPerAddress > 0 && here >= connectionsPerAddress) {
      const text = `your address (of IPv6: its /64) holds ${here} connections, the most allowed (limits.connectionsPerAddress): close one first`;
      throw new HeadwaterError('limit', text, { limit: 'connectionsPerAddress' });
    }
    const guest = new Inside(network, transport, clock.elapsed(), left);
    guests.add(guest);
    byNetwork.set(network, here + 1);
    return guest;
  }

  function left(guest: Inside): void {
    if (!guests.delete(guest)) return;
    const { network } = guest;
    const others = (byNetwork.get(network) ?? 0) - 1;
    if (others > 0) byNetwork.set(network, others);
    else byNetwork.delete(network);
    checkEmpty();
  }

  // One serves all: it stays with a stream as long as that lasts.
  function end(): void {
    inWork -= 1;
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
      const guest = admit(address, transport);
      const leave = () => guest.leave();
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
      return guest;
    },
    begin() {
      inWork += 1;
      return end;
    },
    shut() {
      isShut = true;
      turnstile.close();
      checkEmpty();
      return empty;
    },
  };
}

/** A class, for there may be tens of thousands of them. */
class Inside implements Guest {
  readonly network: string;
  readonly transport: Transport;
  readonly admittedAtElapsed: number;
  readonly #left: (guest: Inside) => void;

  constructor(network: string, transport: Transport, elapsed: number, left: (guest: Inside) => void) {
    this.network = network;
    this.transport = transport;
    this.admittedAtElapsed = elapsed;
    this.#left = left;
  }

  leave(): void {
    this.#left(this);
  }
}
